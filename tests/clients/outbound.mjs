// Drives the outbound side of a guard through a scenario of the conformance suite: writes the guard's
// configuration as an administrator would, starts the real guard before the scenario's server, and is
// a plain client of it (the official SDK), which knows nothing of tokens. Where the guard says "sign in
// at", it is the browser of a person who agrees.
//
//     outbound.mjs COUNTERSIGN URL
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(new URL('../npm/', import.meta.url));
const { Client, StreamableHTTPClientTransport } = await import(pathToFileURL(require.resolve('@modelcontextprotocol/client')));
const [program, url] = process.argv.slice(2);
const scenario = process.env.MCP_CONFORMANCE_SCENARIO.replace('auth/', '');
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');
const isModern = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION === '2026-07-28';
const folder = mkdtempSync(join(tmpdir(), 'outbound-'));

function file(name, text) {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return JSON.stringify(name);
}

// What an administrator knows of the server before: who issues its tokens.
async function issuer() {
    const place = new URL(url);
    place.pathname = `/.well-known/oauth-protected-resource${place.pathname}`;
    return JSON.stringify((await (await fetch(place)).json()).authorization_servers[0]);
}

async function configuration() {
    const text = (value) => JSON.stringify(value);
    const secret = () => file('secret', context.client_secret);
    switch (scenario) {
        case '2025-03-26-oauth-metadata-backcompat':
        case '2025-03-26-oauth-endpoint-fallback':
            return `route = "sign-in"\nallow_2025_03 = true`;
        case 'basic-cimd':
            return `route = "sign-in"\n[service.client]\ndocument = "https://conformance-test.local/client-metadata.json"`;
        case 'pre-registration':
            return `route = "sign-in"\nissuer = ${text(context.issuer)}\n[service.client]\nid = ${text(context.client_id)}\nsecret = ${secret()}`;
        case 'client-credentials-jwt':
            return `route = "client-credentials"\nissuer = ${await issuer()}\n[service.client]\nid = ${text(context.client_id)}\nkey = ${file('key.pem', context.private_key_pem)}`;
        case 'client-credentials-basic':
            return `route = "client-credentials"\nissuer = ${await issuer()}\n[service.client]\nid = ${text(context.client_id)}\nsecret = ${secret()}`;
        case 'wif-jwt-bearer':
            return `route = "jwt-bearer"\nissuer = ${await issuer()}\nsubject = ${file('workload.jwt', context.valid_jwt)}\nsubject_type = "jwt"\n[service.client]\nid = ${text(context.client_id)}`;
        case 'enterprise-managed-authorization':
            return `route = "id-jag"\nissuer = ${await issuer()}\nsubject = ${file('id.jwt', context.idp_id_token)}\nsubject_type = "id_token"\n[service.client]\nid = ${text(context.client_id)}\nsecret = ${secret()}\n[service.idp]\nissuer = ${text(context.idp_issuer)}\n[service.idp.client]\nid = ${text(context.idp_client_id)}`;
        default:
            return `route = "sign-in"`;
    }
}

function start() {
    const guard = spawn(program, ['guard', '--listen', '127.0.0.1:0', '--mode', 'observe', '--events', 'events', '--upstream', url, '--outbound', 'outbound.toml'], {
        cwd: folder,
        env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder },
        stdio: ['ignore', 'ignore', 'pipe']
    });
    return new Promise((resolve, reject) => {
        let said = '';
        guard.stderr.on('data', (bytes) => {
            process.stderr.write(bytes);
            said += bytes;
            const lines = said.split('\n');
            said = lines.pop();
            for (const line of lines) {
                const page = /sign in at (\S+)/.exec(line);
                // The person's browser: follows wherever the page leads.
                if (page) fetch(page[1]).then((answer) => answer.text(), (error) => console.error(error));
                const listening = /listening on (\S+)/.exec(line);
                if (listening) resolve({ guard, origin: listening[1] });
            }
        });
        guard.on('exit', (code) => reject(new Error(`the guard ended with ${code}`)));
    });
}

writeFileSync(join(folder, 'outbound.toml'), `resource = ${JSON.stringify(url)}\nloopback = true\n[service]\n${await configuration()}\n`);
const { guard, origin } = await start();
let code = 0;
try {
    const versionNegotiation = { mode: isModern ? { pin: '2026-07-28' } : 'legacy' };
    const client = new Client({ name: 'countersign-tests', version: '1.0.0' }, { versionNegotiation });
    await client.connect(new StreamableHTTPClientTransport(new URL(`${origin}/mcp`)));
    await client.listTools();
    await client.callTool({ name: 'test-tool', arguments: {} });
    await client.close();
} catch (error) {
    console.error(error);
    code = 1;
}
guard.removeAllListeners('exit');
guard.on('exit', () => {
    rmSync(folder, { recursive: true, force: true });
    process.exit(code);
});
guard.kill('SIGTERM');
