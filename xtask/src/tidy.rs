//! stub
pub(crate) fn run(_: &std::path::Path) -> anyhow::Result<()> { Ok(()) }
pub(crate) fn files(_: &std::path::Path) -> anyhow::Result<Vec<std::path::PathBuf>> { Ok(vec![]) }
