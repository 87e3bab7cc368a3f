"""The quick start, as it stands in the README."""

from pathlib import Path

from peaceful import App, Flow
from peaceful.items import FileDownload, TarExtract

app = App("webapp")


@app.flow("deploy")
def deploy(flow: Flow, url: str, into: Path) -> None:
    archive = flow.add("app_download", FileDownload(src=url, dest=into / "app.tar"))
    flow.add("app_extract", TarExtract(tar_path=archive.state.path, dest=into / "app"))


if __name__ == "__main__":
    app.main()
