//! Which package a command line names, by the ways people start MCP servers.

/// What a command line runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Package {
    /// `npx`, `bunx`, `pnpm dlx`, `yarn dlx`.
    Npm { name: String, wanted: Option<String> },
    /// `uvx`, `uv tool run`, `pipx run`.
    Python { name: String, wanted: Option<String> },
    /// `python -m module`.
    Module { python: String, module: String },
    /// `node script.js`, `python script.py` and the like.
    Script(String),
    /// `docker run image`, `podman run image`.
    Image { program: String, reference: String },
    /// Anything else.
    Program(String),
}

impl Package {
    /// The package that `words` run.
    pub(super) fn of(words: &[String]) -> Self {
        let words = after_env(words);
        let Some((program, rest)) = words.split_first() else {
            return Self::Program(String::new());
        };
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        let base = program.rsplit('/').next().unwrap_or(program);
        let found = match (base, rest.as_slice()) {
            ("npx" | "bunx", rest)
            | ("pnpm" | "yarn", ["dlx", rest @ ..])
            | ("npm", ["exec" | "x", rest @ ..])
            | ("bun", ["x", rest @ ..]) => {
                named(rest, &["-p", "--package"], NPX_WITH_VALUE).map(npm)
            }
            ("uvx", rest) | ("uv", ["tool", "run", rest @ ..]) | ("pipx", ["run", rest @ ..]) => {
                named(rest, &["--from", "--spec"], UVX_WITH_VALUE).map(python)
            }
            ("docker" | "podman" | "nerdctl", ["run", rest @ ..]) => {
                named(rest, &[], DOCKER_WITH_VALUE).map(|image| Self::Image {
                    program: program.clone(),
                    reference: image.to_owned(),
                })
            }
            ("node" | "deno" | "bun" | "tsx" | "ts-node", rest) => {
                named(rest, &[], NODE_WITH_VALUE).map(|script| Self::Script(script.to_owned()))
            }
            (base, rest) if base.starts_with("python") => module(program, rest),
            _ => None,
        };
        found.unwrap_or_else(|| Self::Program(program.clone()))
    }
}

/// The words after `env`, its flags and its assignments.
fn after_env(words: &[String]) -> &[String] {
    let is_env = words.first().is_some_and(|word| word == "env" || word.ends_with("/env"));
    if !is_env {
        return words;
    }
    let rest = words.get(1..).unwrap_or_default();
    let start = rest.iter().position(|word| !word.contains('=') && !word.starts_with('-'));
    start.and_then(|start| rest.get(start..)).unwrap_or(words)
}

/// The value of one of the `naming` flags, else the first word that is neither a flag nor the value
/// of one.
fn named<'a>(words: &[&'a str], naming: &[&str], with_value: &[&str]) -> Option<&'a str> {
    let mut words = words.iter();
    while let Some(&word) = words.next() {
        if let Some((flag, value)) = word.split_once('=').filter(|_| word.starts_with('-')) {
            if naming.contains(&flag) {
                return Some(value);
            }
        } else if naming.contains(&word) {
            return words.next().copied();
        } else if with_value.contains(&word) {
            words.next();
        } else if !word.starts_with('-') {
            return Some(word);
        }
    }
    None
}

fn npm(spec: &str) -> Package {
    let at = spec.char_indices().skip(1).find(|(_, c)| *c == '@').map(|(at, _)| at);
    let (name, wanted) = match at {
        Some(at) => (spec.get(..at).unwrap_or(spec), spec.get(at + 1..)),
        None => (spec, None),
    };
    Package::Npm { name: name.to_owned(), wanted: wanted.map(str::to_owned) }
}

fn python(spec: &str) -> Package {
    let end = spec.find(['[', '=', '<', '>', '!', '~', '@', ' ']).unwrap_or(spec.len());
    let (name, rest) = spec.split_at(end);
    let version = rest.rsplit_once("==").or_else(|| rest.rsplit_once('@'));
    let wanted = version.map(|(_, version)| version.trim().to_owned());
    Package::Python { name: name.to_owned(), wanted }
}

fn module(program: &str, rest: &[&str]) -> Option<Package> {
    let mut words = rest.iter();
    while let Some(&word) = words.next() {
        match word {
            "-m" => {
                let module = (*words.next()?).to_owned();
                return Some(Package::Module { python: program.to_owned(), module });
            }
            "-c" => return None,
            "-W" | "-X" => {
                words.next();
            }
            _ if word.starts_with('-') => {}
            script => return Some(Package::Script(script.to_owned())),
        }
    }
    None
}

const NPX_WITH_VALUE: &[&str] =
    &["--registry", "--cache", "--userconfig", "-c", "--call", "--node-options"];
const UVX_WITH_VALUE: &[&str] = &[
    "--with",
    "--with-editable",
    "--python",
    "-p",
    "--index-url",
    "-i",
    "--index",
    "--extra-index-url",
    "--default-index",
    "--cache-dir",
    "--directory",
    "--project",
    "--refresh-package",
    "--env-file",
];
const NODE_WITH_VALUE: &[&str] = &["-r", "--require", "--import", "--loader", "--env-file"];
const DOCKER_WITH_VALUE: &[&str] = &[
    "-e",
    "--env",
    "--env-file",
    "-v",
    "--volume",
    "--mount",
    "-p",
    "--publish",
    "--name",
    "--network",
    "--net",
    "-w",
    "--workdir",
    "-u",
    "--user",
    "--entrypoint",
    "--platform",
    "--pull",
    "-m",
    "--memory",
    "--cpus",
    "--cap-add",
    "--cap-drop",
    "--security-opt",
    "--tmpfs",
    "-h",
    "--hostname",
    "--add-host",
    "--dns",
    "-l",
    "--label",
    "--gpus",
    "--device",
    "--ulimit",
    "--restart",
    "--log-driver",
    "--log-opt",
    "--runtime",
    "--userns",
    "--ipc",
    "--pid",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Package {
        Package::of(&line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    fn npm_of(name: &str, wanted: Option<&str>) -> Package {
        Package::Npm { name: name.to_owned(), wanted: wanted.map(str::to_owned) }
    }

    #[test]
    fn the_package_is_found_behind_every_runner() {
        let everything = "@modelcontextprotocol/server-everything";
        assert_eq!(
            of(&format!("npx -y {everything}@1.2.3 stdio")),
            npm_of(everything, Some("1.2.3"))
        );
        assert_eq!(of("npx --package=mcp-x mcp-x-cli"), npm_of("mcp-x", None));
        assert_eq!(of("env A=b pnpm dlx mcp-x@latest"), npm_of("mcp-x", Some("latest")));
        let time = Package::Python { name: "mcp-server-time".into(), wanted: Some("1.0".into()) };
        assert_eq!(of("uvx --python 3.12 mcp-server-time==1.0"), time);
        assert_eq!(of("uvx --from mcp-server-time[tz]==1.0 run-it"), time);
        let module = Package::Module { python: "python3".into(), module: "mcp_server_git".into() };
        assert_eq!(of("python3 -u -m mcp_server_git --repository ."), module);
        assert_eq!(of("python3 server.py"), Package::Script("server.py".into()));
        let image = Package::Image { program: "docker".into(), reference: "mcp/fetch:1".into() };
        assert_eq!(of("docker run -i --rm -e KEY mcp/fetch:1"), image);
        assert_eq!(of("./run-server --port 1"), Package::Program("./run-server".into()));
    }
}
