/** Settings of the account over HTTP. */
import type { FastifyInstance } from 'fastify';
import { listAccountSettings, type SettingTools, setAccountSetting } from '../account-settings.ts';
import { callerOf } from './caller.ts';
import { body, SettingRequest } from './requests.ts';

export function settingRoutes(api: FastifyInstance, tools: SettingTools): void {
  api.get('/settings', async request => ({
    items: await listAccountSettings(tools.database, callerOf(request)),
  }));

  api.post<{ Params: { name: string } }>('/settings/:name', async request => {
    const { value } = body(SettingRequest, request.body);
    return setAccountSetting(tools, callerOf(request), { name: request.params.name, value });
  });
}
