//! stub
#[derive(clap::Args)] pub struct Options {}
pub(crate) fn run(_: &std::path::Path, _: &Options) -> anyhow::Result<()> { Ok(()) }
