// The two files of @serverless/tencent-scf 3.0.9 that are used; the package has no types of its own.
declare module '@serverless/tencent-scf/library/deployFunction.js' {
  export default class DeployFunction {
    constructor(inputs: {
      appid: string;
      secret_id: string;
      secret_key: string;
      options: { region: string; token: string | undefined };
      context: { debug(message: string): void };
    });
    readonly cosClient: { options: object };
    uploadPackage2Cos(
      bucketName: string,
      key: string,
      filePath: string,
      onProgress: undefined,
      codeUriType: 0 | 1,
    ): Promise<{ CosBucketName: string; CosObjectName: string }>;
  }
}

declare module '@serverless/tencent-scf/library/provider.js' {
  export interface FunctionProperties {
    CodeUri: { Bucket: string; Key: string };
    Description: string;
    Handler: string;
    MemorySize: number;
    Timeout: number;
    Runtime: string;
    Role?: string;
    Environment?: { Variables: Record<string, string> };
    VpcConfig?: { VpcId: string; SubnetId: string };
  }
  export default class Provider {
    constructor(inputs: { region: string });
    getFunctionResource(inputs: Record<string, unknown>, name: string): { Properties: FunctionProperties };
  }
}
