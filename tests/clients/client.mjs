// Walks through the conformance fixture with the official TypeScript SDK; prints what it saw as JSON.
//
//     client.mjs v1|v2 legacy|modern URL
//     client.mjs v1|v2 legacy|modern -- COMMAND...
//
// v1 is @modelcontextprotocol/sdk, which knows the legacy era alone; v2 is @modelcontextprotocol/client.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(new URL('../npm/', import.meta.url));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const [generation, era, ...rest] = process.argv.slice(2);

const capabilities = { elicitation: {}, sampling: {}, roots: {} };
const identity = { name: 'countersign-tests', version: '1.0.0' };
const answers = {
    'elicitation/create': () => ({ action: 'accept', content: { name: 'Ada', username: 'ada', email: 'ada@example.org' } }),
    'sampling/createMessage': () => ({ role: 'assistant', content: { type: 'text', text: 'Paris' }, model: 'none' }),
    'roots/list': () => ({ roots: [] })
};

async function v1() {
    const { Client } = await load('@modelcontextprotocol/sdk/client/index.js');
    const { StdioClientTransport } = await load('@modelcontextprotocol/sdk/client/stdio.js');
    const { StreamableHTTPClientTransport } = await load('@modelcontextprotocol/sdk/client/streamableHttp.js');
    const types = await load('@modelcontextprotocol/sdk/types.js');
    const client = new Client(identity, { capabilities });
    client.setRequestHandler(types.ElicitRequestSchema, answers['elicitation/create']);
    client.setRequestHandler(types.CreateMessageRequestSchema, answers['sampling/createMessage']);
    client.setRequestHandler(types.ListRootsRequestSchema, answers['roots/list']);
    return { client, StdioClientTransport, StreamableHTTPClientTransport };
}

async function v2() {
    const { Client, StreamableHTTPClientTransport } = await load('@modelcontextprotocol/client');
    const { StdioClientTransport } = await load('@modelcontextprotocol/client/stdio');
    const versionNegotiation = { mode: era === 'modern' ? { pin: '2026-07-28' } : 'legacy' };
    const client = new Client(identity, { capabilities, versionNegotiation });
    for (const [method, answer] of Object.entries(answers)) {
        client.setRequestHandler(method, answer);
    }
    return { client, StdioClientTransport, StreamableHTTPClientTransport };
}

async function walk(client) {
    const seen = [];
    const call = (name, args = {}, options = undefined) =>
        generation === 'v1' ? client.callTool({ name, arguments: args }, undefined, options) : client.callTool({ name, arguments: args }, options);
    const failure = (promise) => promise.then((result) => result, (error) => [error.constructor.name, error.message]);
    const record = (step, value) => seen.push([step, value]);

    record('server', client.getServerVersion());
    record('capabilities', client.getServerCapabilities());
    record('instructions', client.getInstructions());
    record('tools', await client.listTools());
    record('prompts', await client.listPrompts());
    record('resources', await client.listResources());
    record('templates', await client.listResourceTemplates());
    for (const tool of ['test_simple_text', 'test_image_content', 'test_multiple_content_types', 'test_error_handling']) {
        record(tool, await call(tool));
    }
    record('header', await call('test_custom_header', { value: 'München' }));
    const reports = [];
    record('progress', await call('test_tool_with_progress', {}, { onprogress: (report) => reports.push(report) }));
    record('reports', reports);
    if (era === 'legacy') {
        record('elicitation', await call('test_elicitation', { message: 'Who?' }));
        record('sampling', await call('test_sampling', { prompt: 'Where?' }));
        record('ping', await client.ping());
    } else {
        for (const tool of ['elicitation', 'sampling', 'list_roots', 'multi_round', 'multiple_inputs', 'request_state']) {
            record(tool, await call(`test_input_required_result_${tool}`));
        }
    }
    record('prompt', await client.getPrompt({ name: 'test_prompt_with_arguments', arguments: { arg1: 'a', arg2: 'é' } }));
    for (const uri of ['test://static-text', 'test://static-binary', 'test://template/7/data']) {
        record(uri, await client.readResource({ uri }));
    }
    record('completion', await client.complete({ ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' }, argument: { name: 'arg1', value: 'par' } }));
    record('unknown tool', await failure(call('no_such_tool')));
    record('unknown resource', await failure(client.readResource({ uri: 'test://nothing' })));
    const abort = new AbortController();
    setTimeout(() => abort.abort(new Error('enough')), 300);
    record('cancelled', await failure(call('slow_compute', { seconds: 30 }, { signal: abort.signal })));
    record('after', await call('test_simple_text'));
    record('many', await Promise.all(Array.from({ length: 50 }, (_, number) => call('greet', { name: String(number) }))));
    return seen;
}

const { client, StdioClientTransport, StreamableHTTPClientTransport } = await (generation === 'v1' ? v1() : v2());
const transport =
    rest[0] === '--'
        ? new StdioClientTransport({ command: rest[1], args: rest.slice(2), stderr: 'inherit' })
        : new StreamableHTTPClientTransport(new URL(rest[0]));
await client.connect(transport);
console.log(JSON.stringify(await walk(client), null, 1));
await client.close();
process.exit(0);
