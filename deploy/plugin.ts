// Provider plugin `tencent` for Serverless Framework 3: ties its commands to the steps in the files beside this one.
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { createCloud, readCredentials, type Cloud } from './cloud.ts';
import { deploy } from './deploy.ts';
import { maskEnvironment, requireEnvironment } from './environment.ts';
import { DeployError } from './errors.ts';
import { info, invoke, logs, remove, rollback } from './operate.ts';
import { readEvent, readLogOptions, refuseOtherOptions } from './options.ts';
import { packageFunction, type FunctionPackage } from './package.ts';
import { preflight } from './preflight.ts';
import { providerSchema } from './manifest.ts';
import type { CommandOptions, Serverless, Terminal } from './serverless.ts';
import { readSettings, type ServiceSettings } from './settings.ts';

const yesOption = { usage: 'Go ahead although a fixed egress IP or a function URL is lost', type: 'boolean' };
const functionOption = { usage: 'Name of the function in serverless.yml', shortcut: 'f', type: 'string' };

/** Commands and hooks for the framework. */
export function createPlugin(
  serverless: Serverless,
  options: CommandOptions,
  terminal: Terminal,
  environment = process.env,
) {
  let packages = new Map<string, FunctionPackage>();
  let known: ServiceSettings | undefined;

  serverless.setProvider('tencent', {});
  serverless.configSchemaHandler.defineProvider('tencent', providerSchema);

  const settings = (): ServiceSettings => (known ??= readSettings(serverless.service, environment));

  function cloud(): Cloud {
    const credentials = readCredentials(environment);
    if (!credentials) {
      throw new DeployError(
        'TENCENT_SECRET_ID and TENCENT_SECRET_KEY are not set: put an API key of your Tencent Cloud account into .env (see docs/deploy.md).',
      );
    }
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
    if (status !== 0) throw new DeployError(`The build (${command}) failed; nothing was deployed.`);
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
      throw new DeployError(
        `There is no function ${options.function} in serverless.yml, or the variable of its onlyWith is empty.`,
      );
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

  return {
    commands: {
      deploy: { options: { yes: yesOption }, commands: { function: { options: { yes: yesOption } } } },
      remove: { options: { yes: yesOption } },
      rollback: {
        lifecycleEvents: ['rollback'],
        options: { function: functionOption, to: { usage: 'Version to go back to', type: 'string' } },
      },
    },
    hooks: {
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
          terminal.log.info(`${zipPath}: ${bytes} bytes, ${files.map(({ name }) => name).join(', ')}`);
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
      'before:print:print': () => maskEnvironment(serverless.configurationInput),
    },
  };
}
