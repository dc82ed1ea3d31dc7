"""What each real application is asked to do in a bare system, and what must come out."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from support.bare import USER, Bare

SITE = """\
site_name: Field notes
site_url: https://example.org/
plugins: [search, macros]
markdown_extensions: [toc, tables, admonition, codehilite]
extra: { observer: Ada }
"""
PAGE = """\
# Notes of {{ observer }}

| Bird | Seen |
|---|---|
| Wren | {{ 6 * 7 }} |

!!! note
    Bring the other lens.
"""
SCHEMA = {"type": "object", "properties": {"port": {"type": "integer", "maximum": 65535}}, "required": ["port"]}
REVISION = """\
import sqlalchemy as sa
from alembic import op

revision, down_revision = "1", None


def upgrade():
    op.create_table("birds", sa.Column("name", sa.String(20), primary_key=True), sa.Column("seen", sa.Integer))
    op.bulk_insert(sa.table("birds", sa.column("name", sa.String), sa.column("seen", sa.Integer)), [{"name": "wren", "seen": 42}])


def downgrade():
    op.drop_table("birds")
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Application:
    """One of tests/projects: the folder, the package and its version, and what to do with it."""

    folder: str
    package: str
    version: str
    use: Callable[[Bare], None]


FLASK = """\
import os

from flask import Flask, render_template

app = Flask(__name__)


@app.get("/<name>")
def bird(name):
    return render_template("page.html", name=name, worker=os.getpid())
"""
# A server of one answer, in what every Debian has: the path that was asked for, in JSON or as a list of two pieces of a stream.
PERL = r"""
use IO::Socket::INET;
my $server = IO::Socket::INET->new(LocalAddr => "127.0.0.1", LocalPort => 8001, Listen => 5, ReuseAddr => 1) or die $!;
while (my $client = $server->accept) {
    my ($path) = (<$client> // "") =~ m{ (\S+)};
    while (my $line = <$client>) { last if $line =~ /^\r?$/ }
    my ($type, $body) = $path =~ /m3u8$/
        ? ("application/vnd.apple.mpegurl", "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na\n#EXTINF:1,\nb\n#EXT-X-ENDLIST\n")
        : ("application/json", "{\"asked\": \"$path\"}");
    print $client "HTTP/1.1 200 OK\r\nContent-Type: $type\r\nContent-Length: ", length $body, "\r\nConnection: close\r\n\r\n$body";
    close $client;
}
"""
REQUEST = r"""
exec 3<> /dev/tcp/127.0.0.1/8001 || exit
printf 'GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n' "$1" >&3
cat <&3
"""
# A program on a terminal: what it shows is waited for before the key is pressed (Ctrl-C).
SESSION = r"""
TERM=xterm-256color script -qfec 'stty cols 100 rows 30; tl birds.log' screen < keys > /dev/null &
exec 3> keys
until grep -q heard screen; do sleep 0.2; done
printf '\003' >&3
wait $!
"""


def write_sbom(system: Bare) -> None:
    """An SBOM of a requirements file, checked by the tool against the schemas it carries; and one of itself, from metadata."""
    assert system.do("cyclonedx-py --version", user=USER).strip() == "7.5.0"
    system.put("requirements.txt", b"rich==15.0.0\nclick==8.5.1 --hash=sha256:" + b"0" * 64 + b"\n")
    system.do("cyclonedx-py requirements --validate --output-reproducible -o bom.json requirements.txt", user=USER)
    bom = json.loads(system.do("cat bom.json", user=USER))
    assert {part["purl"] for part in bom["components"]} == {"pkg:pypi/rich@15.0.0", "pkg:pypi/click@8.5.1"}
    system.do("cyclonedx-py requirements --validate --of XML --sv 1.6 -o bom.xml requirements.txt", user=USER)
    own = json.loads(system.do("cyclonedx-py environment --validate -o - 2> /dev/null", user=USER))
    assert "cyclonedx-python-lib" in {part["name"] for part in own["components"]}


def read_pdf(system: Bare) -> None:
    """Words of a page, and a picture of it: pdfminer, pdfium through ctypes, Pillow."""
    system.put("page.pdf", pdf("Invoice 4711", "Total 12.50 EUR"))
    text = system.do("pagetext page.pdf --format text", user=USER)
    assert [line.strip() for line in text.splitlines() if line.strip()] == ["Invoice 4711", "Total 12.50 EUR"]
    characters = json.loads(system.do("pagetext page.pdf --format json --types char", user=USER))["pages"][0]["chars"]
    assert "".join(character["text"] for character in characters) == "Invoice 4711Total 12.50 EUR"
    system.do("pagetext picture page.pdf page.png", user=USER)
    head = system.do("od -A n -t x1 -N 24 page.png", user=USER).split()
    assert bytes.fromhex("".join(head))[:8] == b"\x89PNG\r\n\x1a\n"
    assert int("".join(head[16:20]), 16) == 612  # points wide, drawn at 72 to the inch


def build_site(system: Bare) -> None:
    """A site whose page needs a plugin, extensions and a theme, each found by its entry point."""
    assert "version 1.6.1" in system.do("mkdocs --version", user=USER)
    system.do("mkdir -p notes/docs", user=USER)
    system.put("mkdocs.yml", SITE.encode(), f"/home/{USER}/notes")
    system.put("index.md", PAGE.encode(), f"/home/{USER}/notes/docs")
    system.do("cd notes && mkdocs build --strict --theme readthedocs", user=USER)
    page = system.do("cat notes/site/index.html", user=USER)
    for part in ('<h1 id="notes-of-ada">Notes of Ada</h1>', "<td>42</td>", 'class="admonition note"', "css/theme.css"):
        assert part in page
    index = json.loads(system.do("cat notes/site/search/search_index.json", user=USER))
    assert any("Bring the other lens" in document["text"] for document in index["docs"])


def check_schemas(system: Bare) -> None:
    """Documents against a schema of one's own, which Rust code resolves, and against one that the program carries as data."""
    system.put("schema.json", json.dumps(SCHEMA).encode())
    system.put("good.json", b'{"port": 443}')
    system.put("bad.yaml", b"port: 99999\n")
    system.do("check-jsonschema --schemafile schema.json good.json", user=USER)
    said = system.run("check-jsonschema --schemafile schema.json good.json bad.yaml", user=USER)
    assert said.code == 1
    assert "99999 is greater than the maximum of 65535" in said.text
    system.put("workflow.yaml", b"on: push\njobs: {test: {steps: []}}\n")
    said = system.run("check-jsonschema --builtin-schema vendor.github-workflows workflow.yaml", user=USER)
    assert said.code == 1
    assert "$.jobs.test" in said.text


def format_code(system: Bare) -> None:
    """Several files at once: each in a process of a pool, by compiled modules."""
    names = [f"part{number}.py" for number in range(4)]
    for name in names:
        system.put(name, b"def f ( a,b ):\n  return {'a':a,\n  'b':b}\n")
    assert "4 files reformatted" in system.do(f"black --workers 2 {' '.join(names)}", user=USER)
    texts = {system.do(f"cat {name}", user=USER) for name in names}
    assert texts == {'def f(a, b):\n    return {"a": a, "b": b}\n'}
    assert "(compiled: yes)" in system.do("black --version", user=USER)


def migrate(system: Bare) -> None:
    """A folder made of the program's templates, and a table in SQLite, whose dialect is imported by its name."""
    system.do("alembic init --template generic changes", user=USER)
    system.do("sed -i 's|^sqlalchemy.url = .*|sqlalchemy.url = sqlite:///birds.db|' alembic.ini", user=USER)
    assert "changes/versions" in system.do("alembic revision -m empty && rm changes/versions/*", user=USER)
    system.put("first.py", REVISION.encode(), f"/home/{USER}/changes/versions")
    system.do("alembic upgrade head", user=USER)
    assert "1 (head)" in system.do("alembic current", user=USER)
    assert b"wren" in system.do("cat birds.db", user=USER).encode()
    assert "INSERT INTO birds" in system.do("alembic upgrade head --sql", user=USER)


def keep_secrets(system: Bare) -> None:
    """A secret in a file, by a backend that another distribution registers."""
    assert "keyrings.alt.file.PlaintextKeyring" in system.do("keyring --list-backends", user=USER)
    chosen = {"PYTHON_KEYRING_BACKEND": "keyrings.alt.file.PlaintextKeyring"}
    system.do("echo heather | keyring set example.org ada", user=USER, env=chosen)
    assert system.do("keyring get example.org ada", user=USER, env=chosen).strip() == "heather"
    system.do("keyring del example.org ada", user=USER, env=chosen)
    assert system.run("keyring get example.org ada", user=USER, env=chosen).code == 1


def fit_curve(system: Bare) -> None:
    """A table read by pandas, fitted by scipy, drawn by matplotlib with its own fonts; time zones come from a package."""
    rows = "".join(f"{x},{3 * math.exp(-0.5 * x)!r},2026-01-{x + 1:02}\n" for x in range(10))
    system.put("table.csv", f"x,y,day\n{rows}".encode())
    found = json.loads(system.do("curve-fitter table.csv curve.png 2> /dev/null", user=USER))
    assert math.isclose(found["height"], 3, rel_tol=1e-6)
    assert math.isclose(found["rate"], 0.5, rel_tol=1e-6)
    assert math.isclose(found["between"], 3 * math.exp(-1.25), rel_tol=1e-2)
    assert (found["solved"], found["normal"], found["weeks"]) == ([1, 2, 3], 0.5, [4, 6])  # 2026 begins on a Thursday
    head = system.do("od -A n -t x1 -N 24 curve.png", user=USER).split()
    assert bytes.fromhex("".join(head))[:8] == b"\x89PNG\r\n\x1a\n"
    assert int("".join(head[16:20]), 16) == 400


def serve_data(system: Bare) -> None:
    """A table over HTTP, as JSON and as a page with the map that a plugin adds."""
    system.put("birds.db", database())
    with serving(system, "datasette serve birds.db --port 8001 --setting suggest_facets off"):
        rows = json.loads(body(asked(system, "/birds/seen.json?_shape=array")))
        assert rows == [{"name": "wren", "latitude": 52.5, "longitude": 13.4}]
        page = asked(system, "/birds/seen")
        assert "datasette-cluster-map" in page
        assert json.loads(body(asked(system, "/-/plugins.json")))[0]["name"] == "datasette-cluster-map"
        assert "200 OK" in asked(system, "/-/static/app.css")


def look_at_log(system: Bare) -> None:
    """A log file on a terminal, until a key ends it."""
    system.put("birds.log", b"2026-01-02 10:00:00 INFO wren heard\n2026-01-02 10:00:01 ERROR lens lost\n")
    system.put("session", SESSION.encode())
    system.do("mkfifo keys && touch screen && timeout 120 sh session", user=USER)
    assert "lost" in system.do("cat screen", user=USER)


def ask_over_http(system: Bare) -> None:
    """A request as it would be sent, and one that is: its answer checked, formatted and coloured."""
    sent = system.do("http --offline --ignore-stdin example.org/birds name=wren seen:=42", user=USER)
    assert json.loads(body(sent)) == {"name": "wren", "seen": 42}
    with answering(system):
        said = system.do("http --ignore-stdin --pretty all --verbose localhost:8001/birds kind==owl", user=USER)
    assert "\x1b[" in said
    assert "/birds?kind=owl" in said
    assert "basic" in system.do("http --help", user=USER)


def serve_with_workers(system: Bare) -> None:
    """Somebody's own Flask application, served by two processes of threads; the kind of worker is imported by its name."""
    system.do("mkdir templates", user=USER)
    system.put("birds.py", FLASK.encode())
    system.put("page.html", b"<p>{{ name | upper }} {{ worker }}</p>", f"/home/{USER}/templates")
    with serving(system, "gunicorn --bind 127.0.0.1:8001 --workers 2 --worker-class gthread --threads 2 birds:app"):
        assert "<p>WREN " in asked(system, "/wren")
        assert "Server: gunicorn" in asked(system, "/owl")


def read_stream(system: Bare) -> None:
    """A stream of two pieces, read by one of the plugins that are listed and loaded one by one."""
    assert "twitch" in system.do("streamlink --plugins", user=USER)
    with answering(system):
        system.do("streamlink --output stream hls://http://127.0.0.1:8001/birds.m3u8 best", user=USER)
    assert system.do("cat stream", user=USER) == '{"asked": "/a"}{"asked": "/b"}'


@contextmanager
def serving(system: Bare, command: str) -> Iterator[None]:
    """A server that runs in the background, from its first answer on; ended and gone afterwards."""
    system.put("request", REQUEST.encode())
    system.do(f"{command} > served 2>&1 & echo $! > server", user=USER)
    said = system.run("timeout 60 sh -c 'until bash request / > /dev/null 2>&1; do sleep 0.2; done'", user=USER)
    assert said.code == 0, said.text + system.do("cat served", user=USER)
    yield
    system.do("kill $(cat server) && timeout 60 sh -c 'while kill -0 $(cat server) 2> /dev/null; do sleep 0.2; done'", user=USER)


@contextmanager
def answering(system: Bare) -> Iterator[None]:
    """The small server in Perl, for clients."""
    system.put("server.pl", PERL.encode())
    with serving(system, "perl server.pl"):
        yield


def asked(system: Bare, path: str) -> str:
    """The answer of the server to one request."""
    return system.do(f"bash request '{path}'", user=USER)


def body(message: str) -> str:
    """What follows the head of a message."""
    return message.replace("\r\n", "\n").partition("\n\n")[2]


def database() -> bytes:
    """A SQLite database of one place where a bird was seen."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE TABLE seen (name TEXT PRIMARY KEY, latitude REAL, longitude REAL)")
        connection.execute("INSERT INTO seen VALUES ('wren', 52.5, 13.4)")
        connection.commit()
        return connection.serialize()


APPLICATIONS = (
    Application(folder="data", package="sbom-writer", version="7.5.0", use=write_sbom),
    Application(folder="compiled", package="pagetext", version="0.11.10", use=read_pdf),
    Application(folder="plugins", package="site-builder", version="1.6.1", use=build_site),
    Application(folder="rust", package="schema-checker", version="0.39.0", use=check_schemas),
    Application(folder="processes", package="formatter", version="26.10.1", use=format_code),
    Application(folder="templates", package="migrations", version="1.20.1", use=migrate),
    Application(folder="backends", package="key-store", version="25.7.0", use=keep_secrets),
    Application(folder="science", package="curve-fitter", version="1.17.1", use=fit_curve),
    Application(folder="server", package="data-server", version="0.65.5", use=serve_data),
    Application(folder="terminal", package="log-viewer", version="1.5.0", use=look_at_log),
    Application(folder="client", package="http-client", version="3.2.4", use=ask_over_http),
    Application(folder="workers", package="web-workers", version="27.0.1", use=serve_with_workers),
    Application(folder="listed", package="streams", version="8.6.3", use=read_stream),
)


def pdf(*lines: str) -> bytes:
    """A PDF file of one page with these lines of text."""
    text = "BT /F1 14 Tf 72 720 Td 18 TL " + " T* ".join(f"({line}) Tj" for line in lines) + " ET"
    bodies = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    data, table = b"%PDF-1.4\n", f"xref\n0 {len(bodies) + 1}\n0000000000 65535 f \n"
    for number, body in enumerate(bodies, 1):
        table += f"{len(data):010} 00000 n \n"
        data += f"{number} 0 obj\n{body}\nendobj\n".encode()
    return data + f"{table}trailer\n<< /Size {len(bodies) + 1} /Root 1 0 R >>\nstartxref\n{len(data)}\n%%EOF\n".encode()
