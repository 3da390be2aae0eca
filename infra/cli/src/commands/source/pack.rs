//! `countersign source pack`: writes what a partner is handed who signs as we say.

use super::super::{Context, no_source};
use crate::cli::Global;
use crate::error::CliError;
use crate::output;
use countersign_app::ports::Sources as _;
use countersign_domain::ids::SourceName;
use countersign_domain::pack::{File, pack};
use countersign_domain::source::SourceConfig;
use serde::Serialize;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Of which source, and where to.
#[derive(Debug, clap::Args)]
pub struct Pack {
    /// A source file, or the name of a source in force.
    #[arg(value_name = "FILE|NAME")]
    source: PathBuf,
    /// The folder to write to. It is made if it is not there, and must be empty if it is.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Where the source's webhooks are posted to, less a secret last part. With it, a file needs no stack.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// What was written.
#[derive(Debug, Serialize)]
pub struct Packed {
    /// Of which source.
    pub source: SourceName,
    /// Where its webhooks are posted to.
    pub url: String,
    /// The folder.
    pub folder: PathBuf,
    /// Its files.
    pub files: Vec<&'static str>,
}

impl Pack {
    /// Does it, and shows what was written.
    ///
    /// # Errors
    /// [`CliError`] when the source's other side does not sign as we say, or the folder cannot be written.
    pub async fn run(self, global: &Global) -> Result<bool, CliError> {
        let packed = match (self.is_file(), &self.url) {
            (true, Some(url)) => {
                let (config, url) = (self.of_file()?, url.clone());
                self.write(&config, url)?
            }
            _ => self.on(&Context::find(global).await?).await?,
        };
        let shown = if global.json { output::json(&packed)? } else { packed.shown() };
        output::result(shown.trim_end())
            .map_err(|error| CliError::Refused(format!("cannot write the result: {error}")))?;
        Ok(true)
    }

    /// The same on a stack that is known already.
    ///
    /// # Errors
    /// As for [`Pack::run`].
    pub async fn on(self, context: &Context) -> Result<Packed, CliError> {
        let config = if self.is_file() { self.of_file()? } else { self.of_stack(context).await? };
        let url = self.url.clone().unwrap_or_else(|| context.webhook_url(&config.name));
        self.write(&config, url)
    }

    /// A name has neither a point nor a slash in it.
    fn is_file(&self) -> bool {
        self.name().is_err()
    }

    fn name(&self) -> Result<SourceName, CliError> {
        let text = self.source.to_string_lossy();
        SourceName::new(text.as_ref()).map_err(|error| CliError::Usage(format!("{text}: {error}")))
    }

    fn of_file(&self) -> Result<SourceConfig, CliError> {
        Ok(super::file::read(&self.source)?.0)
    }

    async fn of_stack(&self, context: &Context) -> Result<SourceConfig, CliError> {
        let name = self.name()?;
        context.sources().fetch(&name).await?.ok_or_else(|| no_source(&name))
    }

    fn write(self, config: &SourceConfig, url: String) -> Result<Packed, CliError> {
        let files = pack(config, &url)?;
        check_empty(&self.out)?;
        for File { path, text } in &files {
            write(&self.out.join(path), text)?;
        }
        let files = files.into_iter().map(|file| file.path).collect();
        Ok(Packed { source: config.name.clone(), url, folder: self.out, files })
    }
}

impl Packed {
    /// For a person.
    fn shown(&self) -> String {
        let Self { source, url, folder, files } = self;
        let mut text = format!("source {source}, whose webhooks are posted to {url}\n");
        for file in files {
            text.push_str(&format!("  {}\n", folder.join(file).display()));
        }
        text.push_str("There is nothing secret in it: hand its secret over apart from it.\n");
        text
    }
}

/// A pack is written whole: beside other files, or over those of another one, it would not be what a partner is handed.
fn check_empty(folder: &Path) -> Result<(), CliError> {
    match std::fs::read_dir(folder).map(|mut inside| inside.next().is_some()) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(CliError::file("look into the folder", folder, error)),
        Ok(false) => Ok(()),
        Ok(true) => {
            let folder = folder.display();
            let why = format!(
                "{folder} is there already, and is not empty: name another folder with --out, or remove it"
            );
            Err(CliError::Refused(why))
        }
    }
}

fn write(path: &Path, text: &str) -> Result<(), CliError> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|e| CliError::file("make", folder, e))?;
    }
    std::fs::write(path, text).map_err(|e| CliError::file("write", path, e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(file: &Path, out: &Path, url: Option<&str>) -> Result<Packed, CliError> {
        let pack = Pack { source: file.to_owned(), out: out.to_owned(), url: url.map(str::to_owned) };
        let config = pack.of_file()?;
        pack.write(&config, url.unwrap_or_default().to_owned())
    }

    #[test]
    fn a_file_and_a_url_are_enough() {
        let folder = tempfile::tempdir().unwrap();
        let (file, out) = (folder.path().join("acme.toml"), folder.path().join("for/acme"));
        let source =
            "[source]\nname = \"acme\"\nmode = \"test\"\naccount = \"\"\ndialect = \"partner-hmac\"\n";
        std::fs::write(&file, source).unwrap();
        let found = packed(&file, &out, Some("https://hooks.example.com/v1/webhooks/acme")).unwrap();
        assert!(found.files.contains(&"samples/sample.py"));
        for path in &found.files {
            assert!(out.join(path).is_file(), "{path}");
        }
        assert!(found.shown().contains("https://hooks.example.com/v1/webhooks/acme"));

        std::fs::write(out.join("README.md"), "changed").unwrap();
        let refused = packed(&file, &out, Some("https://hooks.example.com/v1/webhooks/acme")).unwrap_err();
        let says = "is there already, and is not empty: name another folder with --out, or remove it";
        assert!(refused.chain().ends_with(says), "{}", refused.chain());
        assert_eq!(std::fs::read_to_string(out.join("README.md")).unwrap(), "changed");
        let empty = folder.path().join("empty");
        std::fs::create_dir(&empty).unwrap();
        assert!(packed(&file, &empty, Some("https://hooks.example.com/v1/webhooks/acme")).is_ok());
        let refused = packed(&file, &file, Some("https://hooks.example.com/v1/webhooks/acme")).unwrap_err();
        assert!(refused.chain().starts_with("cannot look into the folder "), "{}", refused.chain());

        let out = folder.path().join("for/stripe");
        std::fs::write(&file, source.replace("partner-hmac", "stripe")).unwrap();
        let refused = packed(&file, &out, Some("https://hooks.example.com/v1/webhooks/acme")).unwrap_err();
        assert!(refused.to_string().contains("signed by the provider"), "{refused}");
    }

    #[test]
    fn what_is_no_name_is_a_file() {
        for (source, is_file) in
            [("acme", false), ("acme.toml", true), ("./acme", true), ("partners/acme.toml", true)]
        {
            let pack = Pack { source: source.into(), out: "x".into(), url: None };
            assert_eq!(pack.is_file(), is_file, "{source}");
        }
    }
}
