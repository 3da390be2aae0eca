//! Where things are: the checkout that the local stack runs, and the ignored folder that it keeps its own things in.

use super::failure::{Doing as _, Failure};
use std::path::{Path, PathBuf};

/// Present in the root of every checkout, and deployed from there.
const TEMPLATE: &str = "template.yaml";

/// A checkout of Countersign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// The checkout around the current folder.
    ///
    /// # Errors
    /// When neither it nor a folder above it holds `template.yaml` beside `Cargo.toml`.
    pub fn find() -> Result<Self, Failure> {
        let here = std::env::current_dir().doing(|| "tell the current folder".to_owned())?;
        Self::around(&here)
    }

    fn around(here: &Path) -> Result<Self, Failure> {
        let is_root = |folder: &&Path| folder.join(TEMPLATE).is_file() && folder.join("Cargo.toml").is_file();
        here.ancestors().find(is_root).map(|root| Self { root: root.to_owned() }).ok_or_else(|| {
            Failure::new(format!(
                "neither {} nor a folder above it holds {TEMPLATE} and Cargo.toml: the local stack is built from a \
                 checkout of Countersign, run it inside one",
                here.display()
            ))
        })
    }

    /// The folder of the workspace.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn template(&self) -> PathBuf {
        self.root.join(TEMPLATE)
    }

    /// A path in the folder that git ignores, whose parent is made when it is missing.
    pub(crate) fn kept(&self, name: &str) -> Result<PathBuf, Failure> {
        let path = self.root.join(".countersign").join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).doing(|| format!("make the folder {}", parent.display()))?;
        }
        Ok(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_is_found_from_a_folder_inside_it() {
        let found = Project::find().unwrap();
        assert!(found.root().join("infra/cli/src/local/project.rs").is_file());
        assert_eq!(Project::around(&found.root().join("infra/providers")).unwrap(), found);
    }

    #[test]
    fn outside_of_a_checkout_the_remedy_is_named() {
        let error = Project::around(Path::new("/")).unwrap_err().to_string();
        assert!(error.contains("template.yaml") && error.contains("inside"), "{error}");
    }
}
