"""Walks through the conformance fixture with the official Python SDK; prints what it saw as JSON.

    client.py legacy|modern URL
    client.py legacy|modern -- COMMAND...
"""

import asyncio
import json
import sys

from mcp import Client, StdioServerParameters
from mcp_types import CreateMessageResult, ElicitResult, ListRootsResult, TextContent


async def elicit(context, params):
    return ElicitResult(action="accept", content={"name": "Ada", "username": "ada", "email": "ada@example.org"})


async def sample(context, params):
    return CreateMessageResult(role="assistant", content=TextContent(type="text", text="Paris"), model="none")


async def roots(context):
    return ListRootsResult(roots=[])


def plain(value):
    """An SDK value as JSON, without what differs from run to run."""
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)


async def walk(server, era):
    seen = []
    options = {"elicitation_callback": elicit, "sampling_callback": sample, "list_roots_callback": roots}
    mode = "legacy" if era == "legacy" else "auto"
    async with Client(server, mode=mode, cache=None, **options) as client:
        seen.append(["version", client.protocol_version])
        seen.append(["server", plain(client.server_info)])
        seen.append(["capabilities", plain(client.server_capabilities)])
        seen.append(["instructions", client.instructions])
        seen.append(["tools", plain(await client.list_tools())])
        seen.append(["prompts", plain(await client.list_prompts())])
        seen.append(["resources", plain(await client.list_resources())])
        seen.append(["templates", plain(await client.list_resource_templates())])
        for tool in ("test_simple_text", "test_image_content", "test_multiple_content_types", "test_error_handling"):
            seen.append([tool, plain(await client.call_tool(tool, {}))])
        seen.append(["header", plain(await client.call_tool("test_custom_header", {"value": "München"}))])
        seen.append(["progress", await progress(client)])
        asks = "test_elicitation" if era == "legacy" else "test_input_required_result_elicitation"
        seen.append(["elicitation", plain(await client.call_tool(asks, {"message": "Who?"} if era == "legacy" else {}))])
        asks = "test_sampling" if era == "legacy" else "test_input_required_result_sampling"
        seen.append(["sampling", plain(await client.call_tool(asks, {"prompt": "Where?"} if era == "legacy" else {}))])
        if era == "modern":
            for tool in ("multi_round", "multiple_inputs", "request_state"):
                seen.append([tool, plain(await client.call_tool(f"test_input_required_result_{tool}", {}))])
            seen.append(["listen", await listen(client)])
        seen.append(["prompt", plain(await client.get_prompt("test_prompt_with_arguments", {"arg1": "a", "arg2": "é"}))])
        for uri in ("test://static-text", "test://static-binary", "test://template/7/data"):
            seen.append([uri, plain(await client.read_resource(uri))])
        seen.append(["unknown tool", await failure(client.call_tool("no_such_tool", {}))])
        seen.append(["unknown resource", await failure(client.read_resource("test://nothing"))])
        seen.append(["cancelled", await cancelled(client)])
        seen.append(["after", plain(await client.call_tool("test_simple_text", {}))])
        many = await asyncio.gather(*(client.call_tool("greet", {"name": str(number)}) for number in range(50)))
        seen.append(["many", [plain(result) for result in many]])
    return seen


async def progress(client):
    reports = []

    async def report(progress, total, message):
        reports.append([progress, total, message])

    result = await client.call_tool("test_tool_with_progress", {}, progress_callback=report)
    return [reports, plain(result)]


async def listen(client):
    async with client.listen(tools_list_changed=True) as subscription:
        await client.call_tool("test_trigger_tool_change", {})
        async for event in subscription:
            return type(event).__name__


async def failure(call):
    try:
        result = await call
    except Exception as error:
        return [type(error).__name__, str(error)]
    return plain(result)


async def cancelled(client):
    call = asyncio.create_task(client.call_tool("slow_compute", {"seconds": 30}))
    await asyncio.sleep(0.3)
    call.cancel()
    try:
        await call
    except asyncio.CancelledError:
        return "cancelled"
    return "answered"


def main():
    era, *rest = sys.argv[1:]
    server = rest[0] if rest[0] != "--" else StdioServerParameters(command=rest[1], args=rest[2:])
    print(json.dumps(asyncio.run(walk(server, era)), indent=1))


main()
