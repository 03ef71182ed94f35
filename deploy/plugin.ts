// Provider plugin `tencent` for Serverless Framework 3: ties its commands to the steps in the files beside this one.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Bilingual, both, type Language, languageOf } from '../scripts/language.ts';
import { Exit } from '../scripts/command.ts';
import { createCloud, readCredentials, type Cloud } from './cloud.ts';
import { deploy } from './deploy.ts';
import { maskSecrets, requireEnvironment } from './environment.ts';
import { DeployError } from './errors.ts';
import { inChinese } from './manifest-messages.ts';
import { info, invoke, logs, remove, rollback } from './operate.ts';
import { readEvent, readLogOptions, refuseOtherOptions } from './options.ts';
import { packageFunction, type FunctionPackage } from './package.ts';
import { preflight } from './preflight.ts';
import { providerSchema } from './manifest.ts';
import type { CommandOptions, Serverless, Terminal } from './serverless.ts';
import { readSettings, type ServiceSettings } from './settings.ts';
import { manifestTexts, optionTexts, packageTexts, refusalTexts } from './texts.ts';

/** Commands and hooks for the framework. */
export function createPlugin(
  serverless: Serverless,
  options: CommandOptions,
  console: Terminal<string>,
  environment = process.env,
) {
  // The framework fills the options in later than it loads the plugin.
  const language = (): Language => languageHere(environment, options.lang);
  const terminal = speaking(console, language);
  let packages = new Map<string, FunctionPackage>();
  let known: ServiceSettings | undefined;

  serverless.setProvider('tencent', {});
  serverless.configSchemaHandler.defineProvider('tencent', providerSchema);
  translateProblems(serverless, language);

  const settings = (): ServiceSettings => (known ??= readSettings(serverless.service, environment));

  function cloud(): Cloud {
    const credentials = readCredentials(environment);
    if (!credentials) throw new DeployError(refusalTexts.noCredentials);
    return createCloud(credentials, settings().region, environment);
  }

  function build(): void {
    const command = settings().build;
    if (!command) return;
    const { status } = spawnSync(command, {
      cwd: serverless.serviceDir,
      shell: true,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    if (status !== 0) throw new DeployError(refusalTexts.buildFailed(command));
  }

  async function packageAll(): Promise<void> {
    const chosen = settings().functions.filter(
      ({ key }) => options.function === undefined || key === options.function,
    );
    // One that is left out has no artifact, and the framework would zip the whole project for it.
    for (const key of Object.keys(serverless.service.functions)) {
      if (!settings().functions.some((fn) => fn.key === key)) delete serverless.service.functions[key];
    }
    for (const fn of chosen) preflight(fn);
    build();
    packages = new Map();
    for (const fn of chosen) {
      const packed = await packageFunction(
        fn,
        serverless.serviceDir,
        join(serverless.serviceDir, '.serverless'),
      );
      packages.set(fn.key, packed);
      // The framework would zip the whole project otherwise.
      Object.assign(serverless.service.functions[fn.key] ?? {}, { package: { artifact: packed.zipPath } });
    }
  }

  const runDeploy = (): Promise<void> => {
    if (options.function !== undefined && !(options.function in serverless.service.functions)) {
      throw new DeployError(refusalTexts.noFunctionToDeploy(options.function));
    }
    const request = {
      settings: settings(),
      packages,
      only: options.function,
      isConfirmed: options.yes === true,
      // Two runs may begin within one millisecond.
      deployId: new Date().toISOString().replaceAll(/[-:.]/g, '') + randomBytes(2).toString('hex'),
    };
    return deploy(cloud(), request, terminal);
  };

  const usage = (words: Bilingual): string => words[language()];
  const lang = { usage: usage(optionTexts.lang), type: 'string' };
  const yes = { usage: usage(optionTexts.yes), type: 'boolean' };
  return {
    commands: {
      deploy: { options: { yes, lang }, commands: { function: { options: { yes, lang } } } },
      package: { options: { lang } },
      info: { options: { lang } },
      invoke: { options: { lang } },
      logs: { options: { lang } },
      remove: { options: { yes, lang } },
      rollback: {
        lifecycleEvents: ['rollback'],
        options: {
          function: { usage: usage(optionTexts.function), shortcut: 'f', type: 'string' },
          to: { usage: usage(optionTexts.to), type: 'string' },
          lang,
        },
      },
    },
    hooks: inOneLanguage(language, {
      'package:cleanup': async () => {
        // `sls package` comes here, too.
        const isDeploy = serverless.processedInput.commands[0] === 'deploy';
        if (isDeploy) refuseOtherOptions('deploy', options);
        requireEnvironment(serverless.service.provider, environment);
        // Missing credentials are worth knowing before a build.
        if (isDeploy) cloud();
        await packageAll();
      },
      'after:package:finalize': () => {
        for (const { files, zipPath, bytes } of packages.values()) {
          terminal.log.info(packageTexts.made(zipPath, bytes, files.map(({ name }) => name).join(', ')));
        }
      },
      'deploy:deploy': runDeploy,
      'deploy:function:packageFunction': async () => {
        refuseOtherOptions('deploy function', options);
        requireEnvironment(serverless.service.provider, environment);
        cloud();
        await packageAll();
      },
      'deploy:function:deploy': runDeploy,
      'after:deploy:deploy': () => info(cloud(), settings(), terminal),
      'info:info': () => {
        refuseOtherOptions('info', options);
        return info(cloud(), settings(), terminal);
      },
      'remove:remove': () => {
        refuseOtherOptions('remove', options);
        return remove(cloud(), settings(), options.yes === true, terminal);
      },
      'rollback:rollback': () => {
        refuseOtherOptions('rollback', options);
        return rollback(cloud(), settings(), options, terminal);
      },
      'invoke:invoke': () => {
        refuseOtherOptions('invoke', options);
        const { qualifier, log = false } = options;
        const event = readEvent(options, serverless.serviceDir);
        const request = { key: options.function ?? '', event, qualifier, withLog: log };
        return invoke(cloud(), settings(), request, terminal);
      },
      'logs:logs': () => {
        refuseOtherOptions('logs', options);
        const wanted = readLogOptions(options, Date.now());
        return logs(cloud(), settings(), options.function ?? '', wanted, terminal);
      },
      'before:print:print': () => maskSecrets(serverless.configurationInput),
    }),
  };
}

/** Of `--lang`, `WECOM_LOGIN_LANG` (also of .env) and the locale. Throws DeployError for a language that is not there. */
function languageHere(environment: NodeJS.ProcessEnv, wanted: string | undefined): Language {
  try {
    return languageOf(environment, wanted);
  } catch (error) {
    if (!(error instanceof Exit)) throw error;
    throw new DeployError(both(() => error.message));
  }
}

/** The framework's terminal, for texts in both languages. */
function speaking({ log, progress, writeText }: Terminal<string>, language: () => Language): Terminal {
  return {
    log: {
      notice: (words) => log.notice(words[language()]),
      warning: (words) => log.warning(words[language()]),
      info: (words) => log.info(words[language()]),
    },
    progress: {
      get(name) {
        const spinner = progress.get(name);
        return { update: (words) => spinner.update(words[language()]), remove: () => spinner.remove() };
      },
    },
    writeText: (words) => writeText(typeof words === 'string' ? words : words[language()]),
  };
}

/** Hooks whose errors have the message that the framework is to print. */
function inOneLanguage(language: () => Language, hooks: Record<string, () => unknown>) {
  const speak = (hook: () => unknown) => async (): Promise<void> => {
    try {
      await hook();
    } catch (error) {
      if (error instanceof DeployError) error.speak(language());
      throw error;
    }
  };
  return Object.fromEntries(Object.entries(hooks).map(([name, hook]) => [name, speak(hook)]));
}

/** The framework checks serverless.yml before any hook runs, and has English words only. */
function translateProblems(serverless: Serverless, language: () => Language): void {
  const handler = serverless.configSchemaHandler;
  const report = handler.handleErrorMessages.bind(handler);
  handler.handleErrorMessages = (messages) => {
    if (messages.length > 0 && language() === 'zh' && serverless.service.configValidationMode === 'error') {
      const error = new DeployError(
        manifestTexts.notValid(messages.map((en) => ({ en, zh: inChinese(en) }))),
      );
      error.speak('zh');
      throw error;
    }
    report(messages);
  };
}
