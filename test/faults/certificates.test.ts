// The certificate that the control plane shows is another one from now on. A file of its own, as it trusts the test's CAs.
import { writeFile } from 'node:fs/promises';
import { setDefaultCACertificates } from 'node:tls';
import { certificateAuthority, placeCertificate } from '../harness/certificates.ts';
import {
  backWithinMs,
  faultRow,
  faultyWorld,
  noneTwice,
  seconds,
  worksAgain,
} from '../harness/fault-matrix.ts';
import { faultProxy } from '../harness/fault-proxy.ts';
import { temporaryFolder } from '../harness/temporary-folder.ts';

faultRow(
  "the server's certificate is swapped for one of another CA, and connections are cut",
  `works again within ${seconds(backWithinMs)}, not restarted`,
  async () => {
    using folder = temporaryFolder();
    const [before, after] = ['before', 'after'].map(name => certificateAuthority(folder.path, name));
    if (!before || !after) throw new Error('no CA');
    setDefaultCACertificates([before.pem, after.pem]);
    const both = folder.file('both.pem');
    await writeFile(both, before.pem + after.pem);
    const own = await placeCertificate(folder.path, 'server', before.issue('first'));
    const tls = ['--heartbeat', '1', '--tls-cert', own.certificate, '--tls-key', own.key];
    await using faulty = await faultyWorld(tls, {}, { LEGATE_CA_FILE: both });
    const { world } = faulty;
    await using proxy = await faultProxy(Number(new URL(world.url).port));
    const url = `https://127.0.0.1:${proxy.port}`;
    // It trusts the next CA before that is used, as an operator would have it.
    faulty.agents.push(await world.connectedAgent({ url, env: { LEGATE_CA_FILE: both } }));
    await worksAgain(faulty);
    await own.put(after.issue('second'));
    await world.server.said('the new TLS files are in use');
    await worksAgain(faulty);
    proxy.cut();
    await faulty.agents[0]?.said('connection closed');
    return `after ${seconds(await worksAgain(faulty))}; ${noneTwice(faulty)}`;
  },
);
