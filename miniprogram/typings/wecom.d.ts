// What WeCom (企业微信) adds to wx, for your own code that calls it directly.
declare namespace WechatMiniprogram {
  interface Wx {
    /** Only in WeCom. */
    qy?: import('../wecom-login').Qy;
  }
  interface SystemInfo {
    /** `wxwork` in WeCom, missing in WeChat. Anybody can fake it. */
    environment?: import('../wecom-login').SystemInfo['environment'];
  }
}
