//! English terms. `|` separates them; a final `*` marks a stem.

use super::{
    ADDRESS, ALSO, ALWAYS, ANY, BEFORE, BEST, CONSENT, COVERT, Concepts, DECODE, DESTROY,
    DISREGARD, FROM, GIVE, GIVEN, HIDE, INSIDE, INSTEAD, KEEP, LATER, MACHINE, MENTION, MIND,
    MODEL, MUST, NOT, NOTHING, OBEY, ORDERS, OTHER, OUTSIDE, PATH, PLACE, PLEASE, PRIOR, PROCESS,
    READ, RUN, SCOPE, SECRET, SEND, TALK, TELL, THIS, TOOL, TRACE, UNFIT, USE, USER, VOID, WHOLE,
    YOU,
};

pub(super) const TERMS: &[(Concepts, &str)] = &[
    (
        DISREGARD,
        "ignor* | disregard* | forget* | overrid* | overrul* | bypass* | circumvent* | set \
         aside | pay no attention to | neglect* | stop following | stop obeying | discard* | \
         supersed* | dismiss* | violat* | break | take precedence over | takes precedence \
         over | not bound by",
    ),
    (
        VOID,
        "no longer valid | no longer apply | no longer applies | no longer in force | no \
         longer relevant | void | obsolete | revoked | cancelled | canceled | suspended | \
         lifted | outdated | superseded | null and void | are replaced | is replaced | do not \
         apply | does not apply | not apply",
    ),
    (
        HIDE,
        "hide | hides | hidden | hiding | conceal* | obscur* | withhold* | keep secret | kept \
         secret | keep quiet | suppress* | mask | omit* | leave out | leave unmentioned",
    ),
    (
        TELL,
        "tell | tells | telling | mention* | inform | informs | informing | notify* | notif* \
         | reveal* | disclos* | alert | alerting | divulg* | acknowledg* | announc* | \
         explain* | describ* | discuss* | refer to | say | saying | talk about | show | \
         showing | display* | report | reporting | surface | let on | warn | warning | expos* \
         | bring up | comment on | speak of | make aware | admit*",
    ),
    (
        CONSENT,
        "ask | asking | confirm* | consent* | permission | approval | approv* | check with | \
         consult* | prompt the user | prompting | confirmation | authorization from",
    ),
    (
        NOT,
        "not | never | don't | dont | do not | without | avoid* | refrain* | must not | \
         mustn't | should not | shouldn't | cannot | can't | no | nor | neither | no need to \
         | rather than | under no circumstances | instead of",
    ),
    (
        COVERT,
        "secretly | covertly | discreetly | discretely | stealthily | surreptitiously | \
         unnoticed | behind the scenes | without the user's knowledge | without their \
         knowledge | without the knowledge | without being noticed | under the hood | \
         invisibly | silently | quietly | imperceptibl* | confidentially | transparently",
    ),
    (
        USER,
        "user | users | user's | human | humans | operator | operators | end user | customer \
         | customers | the person | people | them | anyone | anybody | developer | client",
    ),
    (
        ORDERS,
        "instruction | instructions | guideline | guidelines | directive | directives | \
         directions | orders | system prompt | system message | system prompts | safety rules \
         | rules | prompts | guardrail* | restrictions | safeguards | safety measures | \
         safety checks | policies | constraints | programming | training | commands given | \
         constitution | persona",
    ),
    (
        PRIOR,
        "previous | previously | prior | earlier | above | preceding | foregoing | existing | \
         your | initial | original | system | user's | current | former | past | safety | \
         developer | built-in | given to you",
    ),
    (
        MODEL,
        "assistant | assistants | the assistant | ai | llm | llms | model | models | agent | \
         agents | the ai | ai assistant | language model | chatbot | claude | gpt | chatgpt | \
         gemini | copilot | cursor | bot",
    ),
    (YOU, "you | your | yourself | you're | you'll"),
    (
        MUST,
        "must | shall | required to | need to | needs to | have to | has to | mandatory | \
         obligatory | it is essential | it is critical | it is crucial | critical | crucial | \
         compulsory | requires that | it is necessary | imperative | required step | is \
         required | required by | ought to | needed",
    ),
    (
        PLEASE,
        "please | make sure | be sure to | ensure | remember to | take care to | do so | \
         kindly | should | always",
    ),
    (
        BEFORE,
        "before | first | prior to | beforehand | in advance | initially | ahead of | start \
         by | begin by | to begin with | at the start",
    ),
    (
        ALWAYS,
        "always | every time | each time | whenever | on every | at every | for every | each \
         call | every call | every request | all calls | any request | any task | any \
         question | every session | regardless of | no matter | in all cases | \
         unconditionally | at all times | by default | automatically | every response | every \
         message | each response | any other | any tool | any operation",
    ),
    (
        USE,
        "call | calls | calling | invoke | invokes | invoking | use | using | execute | run \
         this | select | choose | choosing | pick | route | routes | trigger | triggers | \
         rely on | turn to | go through",
    ),
    (
        TOOL,
        "tool | tools | function | functions | server | servers | mcp server | endpoint | \
         plugin | plugins | command | capability",
    ),
    (
        INSTEAD,
        "picked over | chosen over | used over | in favor of | in favour of | leave it alone \
         | instead of | rather than | in place of | in preference to | prefer | preferred | \
         preferable | preferably | over any other | over other | over all other | replaces | \
         replacement for | superior to | better than | takes priority | take priority | takes \
         precedence | take precedence | priority over | precedence over | supersedes | \
         outranks | in lieu of | prioritize* | prioritise* | before any other",
    ),
    (
        BEST,
        "best | superior | unmatched | ultimate | most reliable | most accurate | most \
         trusted | most secure | most capable | most powerful | most comprehensive | highest \
         priority | top priority | number one | only trusted | first choice | default choice \
         | top choice | more reliable | more accurate | more secure | better results | \
         authoritative | official | preferred | primary",
    ),
    (
        SEND,
        "send | sends | sending | forward | forwards | forwarding | posting | posts it | post \
         it | upload | uploads | uploading | transmit* | exfiltrat* | submit | submits | \
         submitting | deliver* | bcc | cc | mirror* | relay | relays | leak* | export it | \
         exports | publish | publishes | syncs | emails | email it | email the | email this | \
         email them | share | shares | sharing | dispatch* | route | routes | beacon | phone \
         home | replicat* | reports to | ship | redirect* | copy | copies | copying | pipe | \
         pushes | broadcast* | backs up | divert* | hand | hands | hand over | pass on | pass \
         it on | transfer* | bring | brings | carry | carries | goes to | go to | go into | \
         goes into | ends up | end up | belongs in | belongs to | drop | drops | store | \
         stores | keep at | keeps | move | moves | feed | feeds | reach | reaches | reached | \
         supply to | tunnel* | stash* | stream it | streams | ferry | funnel* | smuggle* | \
         send back | save to | saves | write to | writes to | stored at | kept at | placed in",
    ),
    (
        GIVE,
        "include | includes | including | pass | passes | passing | append* | embed* | supply \
         | supplies | fill in | put | add | adds | attach | attaches | attaching | paste | \
         provide | provides | populate | write | logging their | encode | bundl* | place",
    ),
    (
        READ,
        "read | reads | reading | open | load | fetch | fetches | access | accesses | \
         accessing | retriev* | extract* | collect* | gather* | dump* | obtain* | harvest* | \
         scan | scans | capture* | look up | inspect* | enumerat* | list all | acquire | grab \
         | cat | captures | monitors | intercept*",
    ),
    (
        SECRET,
        "token | tokens | password | passwords | passphrase* | secret | secrets | credential \
         | credentials | api key | api keys | api_key | apikey | private key | private keys | \
         ssh key | ssh keys | access key | access keys | cookie | cookies | session id | \
         keychain | keyring | seed phrase | recovery phrase | mnemonic | wallet key | bearer \
         | authentication header* | authorization header* | auth header* | connection string* \
         | certificate* | vault | login details | pin code | credit card | card number | \
         social security | ssn",
    ),
    (
        TALK,
        "conversation history | conversation so far | entire conversation | full conversation \
         | this conversation | the conversation | current conversation | whole conversation | \
         chat history | chat log* | chat transcript* | system prompt | system message | \
         message history | previous messages | prior messages | earlier messages | context \
         window | full context | entire context | chain of thought | user's request | user's \
         message | original request | user prompt | original prompt | user's prompt | user's \
         question | tool results | tool outputs | other tools' | tools available | available \
         tools | what the user said | user's input | session history | model name | llm name \
         | llm model | model identifier | so far | other tools",
    ),
    (
        MACHINE,
        "environment variable* | env var* | environment files | hostname | clipboard | home \
         directory | home folder | browsing history | browser history | bash history | shell \
         history | command history | file history | process list | process inventory | \
         network interface* | user account* | config files | configuration files | local \
         files | local configuration | address book | location data | geolocation | personal \
         data | personal information | private data | sensitive data | sensitive information \
         | confidential | medical record* | transaction history | transaction data | bank \
         account* | user's files | user's data | private messages | private repositor* | \
         private subnet* | database contents | full database | running processes | installed \
         packages | keystrokes | browser profile* | source files",
    ),
    (
        PLACE,
        "endpoint | webhook | server | service | url | address | channel | bucket | collector \
         | dashboard | recipient | inbox | repository | host | domain | backend | portal | \
         account | site | api | database | mailbox | drive | gateway | proxy | location | \
         sink | destination | registry | cdn | mirror site | logging service | analytics | \
         validation service",
    ),
    (
        OUTSIDE,
        "external | externally | third party | third-party | remote | vendor | vendor's | \
         attacker* | outside | centralized | central | partner | partners | our | upstream | \
         offsite | cloud | public | publicly | monitoring | compliance | audit | telemetry | \
         developer's | author's | provider's | shared",
    ),
    (
        TRACE,
        "telemetry | diagnostic* | analytics | audit trail | audit log | audit purposes | \
         backup | compliance | personalization | personalisation | quality assurance | \
         debugging purposes | debug log | usage data | tracking | compatibility | \
         verification | attribution | billing purposes | safety verification | security audit \
         | context sharing | logging purposes | synchronization | validation purposes | \
         optimization purposes",
    ),
    (
        OTHER,
        "other | another | any other | others | alternative | alternatives | similar | \
         competing | built-in | existing | native | equivalent",
    ),
    (
        OBEY,
        "follow | follows | following the instructions | obey* | comply* | adhere* | act on | \
         carry out | execute the instructions | treat | consider this",
    ),
    (
        WHOLE,
        "all | entire | full | complete | whole | verbatim | everything | every | contents | \
         raw | in full | exact | copy of",
    ),
    (
        DECODE,
        "decode | decoded | decoding | base64 | rot13 | hex-encoded | deobfuscat* | decrypt* \
         | unescape | from hex | decipher* | urldecode",
    ),
    (
        LATER,
        "after the third | after the first | after three | after two | after five | after ten \
         | starting from | beginning on | as of | from now on | henceforth | going forward | \
         on the third | once trusted | in subsequent | subsequent | next time | later call* | \
         following days | until then | nth call | after several | for the rest of | for the \
         remainder | from this point | thereafter | onwards | in the future | future",
    ),
    (
        ALSO,
        "also | additionally | in addition | as well | along with | afterwards | after that | \
         furthermore | moreover | together with | plus | alongside | besides | in the same",
    ),
    (
        RUN,
        "curl | wget | bash | sh -c | powershell | eval | exec | sudo | chmod | netcat | nc \
         -e | rm -rf | subprocess | shell command* | os.system | crontab | npx | pip install \
         | npm install | system command*",
    ),
    (
        DESTROY,
        "delete* | wipe* | erase* | destroy* | drop table | truncate | format the | shut down \
         | shutdown | disable* | terminate* | uninstall* | transfer funds | wire transfer | \
         transfer money | purchase | make a payment | deactivat* | corrupt*",
    ),
    (ADDRESS, "http://* | https://* | ftp://* | ws://* | wss://* | www.* | mailto:*"),
    (
        PATH,
        ".ssh | id_rsa | id_ed25519 | authorized_keys | known_hosts | .env | .aws | .netrc | \
         .npmrc | .pypirc | .git-credentials | .gitconfig | .docker/config | .kube | \
         kubeconfig | .bash_history | .zsh_history | .bashrc | .zshrc | .profile | \
         /etc/passwd | /etc/shadow | /etc/hosts | /proc/ | mcp.json | .cursor | .claude | \
         claude_desktop_config | .vscode | .codex | .gemini | .gnupg | login data | \
         cookies.sqlite | local state | keychain-db | wallet.dat | secrets.yaml | \
         secrets.json | credentials.json | service-account | .pem | .p12 | system://",
    ),
    (FROM, "from"),
    (FROM.or(INSIDE), "from the"),
    (ANY, "all | any | every | everything | other | these | those"),
    (
        INSIDE,
        "within | inside | contained | in the | found in | embedded | returned by | from \
         untrusted | in this | on the page | it contains | in any | in tool",
    ),
    (
        NOTHING,
        "no longer | not only | if not | or not | whether or not | not found | not exist | \
         ssh key fingerprint* | user agent | user id | user_id | in the background | \
         environment id*",
    ),
    (
        MENTION,
        "tell | tells | telling | mention* | inform | informing | reveal* | disclos* | \
         divulg* | acknowledg* | let on | bring up | admit* | alert | notify | talk about | \
         say anything",
    ),
    (THIS, "this | these | it | that | such"),
    (
        GIVEN.or(SEND),
        "sent | forwarded | posted | uploaded | transmitted | submitted | mirrored | relayed \
         | exported | shared | copied | handed | published | synced | emailed | routed | \
         piped | pushed | redirected | saved to",
    ),
    (
        GIVEN,
        "included | passed | appended | inserted | embedded | supplied | put in | added | \
         attached | pasted | recorded | provided | written | placed | populated | bundled | \
         logged | used | called | invoked | executed | selected | chosen | read from",
    ),
    (
        PROCESS,
        "answer | answers | answering | reply | replies | replying | respond | responding | \
         response | task | tasks | turn | turns | final answer | conversation | dialogue | \
         step of | steps of | any request | every request | each request | user request | \
         user requests | unrelated request",
    ),
    (
        MIND,
        "prompt | instructions | instruction | context | context window | memory | reasoning \
         | chain of thought | guidelines | training | knowledge | thoughts | conversation | \
         history | system message | dialogue",
    ),
    (
        UNFIT,
        "unsafe | insecure | unreliable | untrusted tool | broken | retired | discontinued | \
         compromised | inaccurate | no longer supported | malicious | inferior | defective | \
         dangerous",
    ),
    (BEST.or(TOOL), "best tool | best option | best choice | in the world | tool of choice"),
    (
        KEEP,
        "log | logs | logged | logging | cache | caches | cached | archive* | archiving | \
         store | stores | stored | storing | save | saves | saved | retain* | record | \
         records | recorded | recording | kept | keeps | keeping | persist* | backed up | \
         appended | append | appends | copy of",
    ),
    (
        ALSO,
        "simultaneously | at the same time | along the way | in the process | oh and | on top \
         of that",
    ),
    (READ, "index | indexes | archives | peeks at | peek at | pulls | picks up | looks into"),
    (
        SCOPE,
        "root directory | project root | home directory | home folder | workspace | profile | \
         global profile | connection profile | hidden entries | hidden files | hidden \
         directories | hidden folders | private items | private files | personal notes | \
         personal files | personal documents | personal folder* | neighboring | neighbouring \
         | adjacent | surrounding | unrelated | nested | parent container | parent folder | \
         parent directory | file system | filesystem | machine | disk | setting files | \
         settings files | dotfiles | other files | other documents | other projects | global \
         settings | open tabs | open files | recent files | recent documents | local cache | \
         memory contents | session state | command line",
    ),
    (
        WHOLE,
        "entirety | full contents | complete contents | complete inventory | full export | \
         full copy | full list | complete list | complete history | full history | full diff \
         | in its entirety | in-flight",
    ),
    (
        GIVEN,
        "incorporated | consulted | loaded | inherited | harvested | captured | collected | \
         gathered | bundled in | folded in | considered",
    ),
    (
        NOTHING,
        "http://json-schema.org* | https://json-schema.org* | http://www.w3.org* | \
         https://www.w3.org*",
    ),
];
