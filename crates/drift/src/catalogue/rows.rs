//! The rows of the table.
//!
//! In a sentence `{Item}` and `{item}` are the item with its kind, `{way}` the way inside the item,
//! `{name}` the last step of that way, `{changed}` one of *is new*, *changed* and *is gone*,
//! `{was}` and `{is}` the values, `{detail}` what the comparison adds.

use surface::Kind;

use super::Entry;
use crate::change::Severity;

macro_rules! rows {
    ($($name:ident $what:literal $severity:ident [$($kind:ident)+] $sentence:literal $meaning:literal)+) => {
        $(pub(crate) static $name: Entry = Entry {
            what: $what,
            kinds: &[$(Kind::$kind),+],
            severity: Severity::$severity,
            sentence: $sentence,
            meaning: $meaning,
            codes: [
                concat!("surface.server.", $what),
                concat!("surface.tool.", $what),
                concat!("surface.prompt.", $what),
                concat!("surface.resource.", $what),
                concat!("surface.template.", $what),
                concat!("surface.ui.", $what),
                concat!("surface.skill.", $what),
                concat!("surface.page.", $what),
            ],
        };)+
        pub(super) static ALL: &[&Entry] = &[$(&$name),+];
    };
}

rows! {
    ADDED "added" Notice [Tool Prompt Resource Template Ui Skill]
        "{Item} is new."
        "An item that the pin does not hold. Its whole text counts as new."
    REMOVED "removed" Notice [Tool Prompt Resource Template Ui Skill]
        "{Item} is gone{detail}."
        "An item of the pin is no longer shown."
    RENAMED "renamed" Notice [Tool Prompt Resource Template Ui Skill]
        "{Item} is {detail} under a new name."
        "An item went and one with the same schema or nearly the same description came."
    LOOK_ALIKE "look-alike" Critical [Tool Prompt Resource Template Ui Skill]
        "{Item} looks like {detail}."
        "A new item whose name a person or a model takes for another one's: case, confusable or invisible characters, one character more or less, or a copy of another item under a near name."
    SHADOWS "shadows" Critical [Tool Prompt Resource Template Ui Skill]
        "{Item} has the name of an item of {detail}."
        "A new item has the name of an item of another guarded server: calls meant for one may reach the other."

    INSTRUCTIONS "instructions-changed" Notice [Server]
        "What the server tells the model as instructions {changed}."
        "Text that clients put before the model for the whole session."
    SERVER_NAME "name-changed" Notice [Server]
        "The server calls itself {is} now, {was} before."
        "`serverInfo.name` differs."
    VERSION "version-changed" Info [Server]
        "The server says version {is} now, {was} before."
        "`serverInfo.version` differs. Never an identity: many servers never change it."
    WEBSITE "website-changed" Notice [Server]
        "The server's website is {is} now, {was} before."
        "`serverInfo.websiteUrl` differs, on the same domain."
    POWER_ADDED "powerful-capability-added" Warning [Server]
        "The server now declares `{name}`, with which it can ask the client, the model or the user for something."
        "Sampling, elicitation, tasks or roots, as a capability or an extension."
    CAPABILITY_ADDED "capability-added" Info [Server]
        "The server now declares the capability `{name}`."
        "Any other capability or extension that is new."
    CAPABILITY_REMOVED "capability-removed" Info [Server]
        "The server no longer declares the capability `{name}`."
        "A capability or extension is gone."
    CAPABILITY_CHANGED "capability-changed" Info [Server]
        "A setting of the server's capabilities {changed}: `{way}`."
        "A setting inside a capability differs, such as `listChanged`."
    PROTOCOL_CHANGED "protocol-changed" Info [Server]
        "The server speaks protocol {is} now, {was} before."
        "`protocolVersion` or `supportedVersions` differs."
    PROTOCOL_LOWERED "protocol-lowered" Notice [Server]
        "The server now speaks an older protocol: {is}, {was} before."
        "The newest protocol version is older than the pinned one; older versions protect less."
    ERA_CHANGED "era-changed" Notice [Server]
        "The server is now of the {is} era, {was} before."
        "Handshake and sessions came or went."

    DESCRIPTION "description-changed" Info [Server Tool Prompt Resource Template Skill]
        "The description of {item} {changed}."
        "The text by which a model decides when and how to use it. Only new words count."
    UNICODE_FORM "unicode-form-only" Notice [Server Tool Prompt Resource Template Skill]
        "`{way}` of {item} reads the same and is written with other characters."
        "A text differs only by case or by Unicode form (NFKC): a person sees no difference, a model may."
    TITLE "title-changed" Info [Server Tool Prompt Resource Template Skill]
        "The title of {item} {changed}: {is} now, {was} before."
        "The name that people see."
    NAME "name-changed" Info [Resource Template Skill]
        "{Item} is named {is} now, {was} before."
        "The display name; the item is known by its URI."
    ICONS "icons-changed" Info [Server Tool Prompt Resource Template Skill]
        "The set of icons of {item} {changed}."
        "Icons differ; their domains do not."
    ADDRESS "address-moved" Warning [Server Tool Prompt Resource Template Ui Skill Page]
        "{Item} points to another domain: {detail}."
        "A URL, an icon, a website or a resource moved to another registrable domain."
    PATH "path-moved" Warning [Server Tool Prompt Resource Template Skill]
        "The text of {item} names another path: {detail}."
        "A path in a text gave way to another one."
    PROSE "prose-out-of-place" Warning [Server Tool Prompt Resource Template Ui Skill]
        "{Item} now carries a sentence where a name or a value belongs: `{way}`."
        "Prose in a title, in an icon or in `_meta`: a person seldom reads it there, a model may."
    META "meta-changed" Info [Server Tool Prompt Resource Template Ui Skill Page]
        "`{way}` of {item} {changed}."
        "A member of `_meta` that no known client acts on."
    FIELD "field-changed" Info [Server Tool Prompt Resource Template Ui Skill Page]
        "`{way}` of {item} {changed}."
        "A field that the protocol does not describe, or one without a row of its own."
    TOO_LARGE "too-large" Warning [Server Tool Prompt Resource Template Ui Skill Page]
        "{Item} differs in more places than are told one by one."
        "One item has more changes than the bound. Its severity is that of the worst one that is not told."
    SECURITY_WEAKENED "security-weakened" Critical [Server Tool Prompt Resource Template Ui Skill Page]
        "{Item} now asks for less authorization: {detail}."
        "`securitySchemes` or `x-authzen-mapping` was removed, lost a scope or a rule, or offers another way in."
    SECURITY_CHANGED "security-changed" Notice [Server Tool Prompt Resource Template Ui Skill Page]
        "The authorization of {item} {changed}: `{way}`."
        "`securitySchemes` or `x-authzen-mapping` is new, or asks for more."
    SECURITY_ALTERED "security-altered" Critical [Server Tool Prompt Resource Template Ui Skill Page]
        "Another rule now decides who may use {item}: `{way}` is {is}, {was} before."
        "A rule of `x-authzen-mapping` or a scheme changed in a way that cannot be told from weakening."
    AUTHORIZER "authorizer-changed" Critical [Server Tool Prompt Resource Template Ui Skill Page]
        "{Item} is authorized by somebody else: `{way}` is {is} now, {was} before."
        "An authorization server, issuer, token endpoint, key set or resource identity differs."

    RISK_LOWERED "risk-lowered" Notice [Tool]
        "{Item} now claims less risk: `{name}` is {is}, {was} before."
        "A hint claims less than before and nothing speaks against it."
    RISK_DOUBTFUL "risk-doubtful" Warning [Tool]
        "{Item} now claims less risk (`{name}` is {is}), but {detail}."
        "A hint claims less than before, and the tool's own name or text says otherwise."
    RISK_CONTRADICTED "risk-contradicted" Critical [Tool]
        "{Item} now claims less risk (`{name}` is {is}) while it gained power: {detail}."
        "A hint claims less than before, and text or schema gained a word for writing, sending, deleting or executing."
    RISK_RAISED "risk-raised" Info [Tool]
        "{Item} now claims more risk: `{name}` is {is}, {was} before."
        "A hint claims more than before."
    HINT_REMOVED "hint-removed" Notice [Tool]
        "{Item} no longer states `{name}`; it was {was}."
        "A hint that was stated is gone."
    ANNOTATION "annotation-changed" Info [Tool Resource Template]
        "`{way}` of {item} {changed}."
        "Any other annotation, such as audience or priority."
    EXECUTION "execution-changed" Info [Tool]
        "How {item} may be executed {changed}: `{way}`."
        "`execution`, such as task support."
    UI_LINK "ui-link-changed" Notice [Tool]
        "The page that {item} opens {changed}: {is} now, {was} before."
        "`_meta.ui.resourceUri` or a vendor's form of it."
    VISIBILITY "visibility-changed" Notice [Tool]
        "Who sees {item} {changed}: {is} now, {was} before."
        "`_meta.ui.visibility`: a tool can be hidden from the model and stay callable by an app."

    PARAMETER_ADDED "parameter-added" Info [Tool]
        "{Item} has a new optional parameter `{name}`."
        "An optional parameter is new; old calls still work."
    REQUIRED_ADDED "required-parameter-added" Notice [Tool]
        "{Item} has a new required parameter `{name}`."
        "A required parameter is new; old calls fail."
    PARAMETER_REMOVED "parameter-removed" Notice [Tool]
        "{Item} no longer has the parameter `{name}`."
        "A parameter is gone."
    SIDE_CHANNEL "side-channel-added" Warning [Tool Prompt]
        "{Item} has a new free-text parameter `{name}` that asks for {detail}."
        "A new parameter whose name or documentation asks for context, history, credentials, environment, other files or notes beside the task."
    SIDE_CHANNEL_REQUIRED "required-side-channel-added" Critical [Tool Prompt]
        "{Item} has a new required free-text parameter `{name}` that asks for {detail}."
        "The same, and every call must fill it."
    PARAMETER_LOOK_ALIKE "parameter-look-alike" Critical [Tool Prompt]
        "{Item} has a new parameter `{name}` that looks like its parameter {detail}."
        "Two parameter names that differ only by case, confusable or invisible characters."
    INPUT_NARROWED "input-narrowed" Notice [Tool]
        "{Item} accepts less than before at `{way}`: {detail}."
        "Arguments that were accepted may now be refused."
    INPUT_WIDENED "input-widened" Info [Tool]
        "{Item} accepts more than before at `{way}`: {detail}."
        "Everything that was accepted still is."
    INPUT_UNDECIDED "input-undecided" Notice [Tool]
        "{Item} accepts other arguments at `{way}`: {detail}."
        "The two schemas cannot be ordered by what they accept."
    INPUT_TEXT "input-text-changed" Info [Tool]
        "The documentation of `{way}` of {item} {changed}."
        "Description, title, comment or example inside the input schema."
    INPUT_HINT "input-hint-changed" Info [Tool]
        "`{way}` of {item} {changed}: {detail}."
        "A default, an order or an unknown keyword inside the input schema: nothing that validates."
    DANGEROUS_VALUE "dangerous-value" Warning [Tool]
        "{Item} offers {detail} at `{way}`."
        "A default, constant or enumeration gained a path, an address, a command or prose."
    HEADER_ADDED "header-added" Warning [Tool]
        "{Item} now sends an argument in a header that intermediaries see: {is} at `{way}`."
        "`x-mcp-header` is new."
    HEADER_CHANGED "header-changed" Warning [Tool]
        "{Item} now sends an argument in another header: {is}, {was} before."
        "`x-mcp-header` differs."
    HEADER_REMOVED "header-removed" Info [Tool]
        "{Item} no longer sends an argument in the header {was}."
        "`x-mcp-header` is gone."
    REMOTE_REFERENCE "remote-reference" Warning [Tool]
        "A schema of {item} now refers to another place: {is} at `{way}`."
        "A `$ref` that leaves the item. It is never fetched, so what it means is unknown."
    OUTPUT_ADDED "output-schema-added" Info [Tool]
        "{Item} now states the form of its results."
        "`outputSchema` is new."
    OUTPUT_REMOVED "output-schema-removed" Info [Tool]
        "{Item} no longer states the form of its results."
        "`outputSchema` is gone."
    OUTPUT_WIDENED "output-widened" Notice [Tool]
        "{Item} may give more than before at `{way}`: {detail}."
        "Results may hold what a client did not expect."
    OUTPUT_NARROWED "output-narrowed" Info [Tool]
        "{Item} promises more about its results at `{way}`: {detail}."
        "Every result that is now valid was valid before."
    OUTPUT_UNDECIDED "output-undecided" Info [Tool]
        "{Item} gives other results at `{way}`: {detail}."
        "The two schemas cannot be ordered by what they allow."
    OUTPUT_TEXT "output-text-changed" Info [Tool]
        "The documentation of `{way}` of {item} {changed}."
        "Description, title, comment or example inside the output schema."
    OUTPUT_HINT "output-hint-changed" Info [Tool]
        "`{way}` of {item} {changed}: {detail}."
        "A default, an order or an unknown keyword inside the output schema."

    ARGUMENT_ADDED "argument-added" Info [Prompt]
        "{Item} has a new optional argument `{name}`."
        "An optional argument is new."
    ARGUMENT_REQUIRED "argument-required" Notice [Prompt]
        "{Item} now requires the argument `{name}`."
        "An argument is new and required, or became required."
    ARGUMENT_OPTIONAL "argument-optional" Info [Prompt]
        "{Item} no longer requires the argument `{name}`."
        "An argument became optional."
    ARGUMENT_REMOVED "argument-removed" Notice [Prompt]
        "{Item} no longer has the argument `{name}`."
        "An argument is gone."
    ARGUMENT_TEXT "argument-text-changed" Info [Prompt]
        "`{way}` of {item} {changed}."
        "Description or title of an argument."
    ARGUMENTS_REORDERED "arguments-reordered" Info [Prompt]
        "{Item} lists its arguments in another order."
        "Only the order of the arguments differs."
    BODY "body-changed" Notice [Prompt Ui Skill]
        "The body of {item} {changed}."
        "What a model or a person is shown when the item is used."
    MEDIA_TYPE "media-type-changed" Info [Resource Template Ui]
        "{Item} is of type {is} now, {was} before."
        "`mimeType` differs."

    SCRIPT_ORIGIN "script-origin-added" Critical [Ui]
        "{Item} now loads code from {detail}."
        "The body names a script origin that it did not name before."
    POLICY_WIDENED "policy-widened" Critical [Tool Resource Ui]
        "{Item} may now reach {detail}."
        "The content security policy gained a domain."
    POLICY_CHANGED "policy-changed" Notice [Tool Resource Ui]
        "The content security policy of {item} {changed}: `{way}`."
        "The policy differs and no domain was gained."
    PERMISSION_ADDED "permission-added" Warning [Tool Resource Ui]
        "{Item} now asks for a permission: `{way}` is {is}."
        "A page gained access to a device or a feature."

    FRONTMATTER "frontmatter-changed" Notice [Skill]
        "`{way}` of {item} {changed}."
        "The part of a skill that decides when it is used."
    CONTENT "content-changed" Notice [Skill]
        "A file of {item} {changed}: `{way}`."
        "The set of files, or the digest of one, differs."
    CONTENT_UNFIXED "content-unfixed" Warning [Skill]
        "The files of {item} are no longer fixed by digests."
        "`resources` became `dynamic`: what is approved is not what will be read."
}
