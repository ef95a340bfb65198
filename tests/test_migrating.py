"""docs/migrating.md is true: its commands run as they stand, and what they move arrives, secrets and all."""

import os
import re
import shlex
import stat
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import msgspec
import pytest

from cli_prompt import SENDGRID
from credenza.client import Client
from credenza.model import Role
from import_scripts import FIXTURES, SCRIPTS, read_table
from web_server import serve

ROOT = SCRIPTS.parent
GUIDE = (ROOT / "docs" / "migrating.md").read_text()
TOLD = "http://127.0.0.1:8080"
COMMON = "What all have in common"
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", GUIDE, re.DOTALL | re.MULTILINE))
END = "\N{SYMBOL FOR RECORD SEPARATOR}"
# Programs that are not on this machine, and what one of them made, under the name that it gives there.
MADE = {
    "airflow": {"connections.json": FIXTURES / "airflow" / "connections.json"},
    "n8n": {"credentials.json": FIXTURES / "n8n" / "credentials.json"},
    "scp": {
        name: FIXTURES / "kafka_connect" / name for name in ("connect-distributed.properties", "secrets")
    },
}
ORDERS = {
    "name": "orders-db",
    "type": "relational_db",
    "configuration": {
        "jdbcDriver": "Postgres",
        "user": "orders",
        "password": "made-up-elsewhere",
        "datasourceURL": "jdbc:postgresql://db.example.com:5432/orders",
    },
    "apis": [{"integrationName": "orders-db", "api": "orders", "description": "All of them"}],
}


class Case(msgspec.Struct, frozen=True):
    """A section: what lies in the home folder before, what a person pastes, and what is there in the end."""

    script: str
    secrets: dict[str, tuple[str, str]]  # by integration: a key and its secret
    saves: tuple[str, ...]  # how each of its imports ends
    files: dict[str, Path] = {}
    pasted: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    settings: dict[str, str] = {}
    left: tuple[str, ...] = ()  # what may still lie in ~/moving


CASES = {
    "Apache Airflow": Case(
        "airflow",
        {
            "orders_db": ("password", "made-up p@ss/w:rd?ä #1"),
            "assistant": ("api_key", "sk-made-up-openai-0001"),
        },
        saves=("22 created.", "22 unchanged."),
        files={"airflow/airflow.db": FIXTURES / "airflow" / "airflow.sqlite"},
        pasted=((FIXTURES / "airflow" / "fernet-keys").read_text().strip(),),
    ),
    "n8n": Case(
        "n8n",
        {"OpenAI": ("api_key", "sk-made-up-openai-0001"), "Clicks": ("password", "made-up-kafka-0001")},
        saves=("26 created.", "26 unchanged."),
        files={
            ".n8n/database.sqlite": FIXTURES / "n8n" / "n8n.sqlite",
            ".n8n/config": FIXTURES / "n8n" / "encryption-key",
        },
    ),
    "Another server of the bulk-save API": Case(
        "conductor",
        {"orders-db": ("password", "made-up"), "mail": ("api_key", "SG.made-up")},
        saves=("2 created.",),
        settings={"validation": "lenient"},
    ),
    ".env files and the environment": Case(
        "dotenv",
        {
            "openai": ("api_key", "sk-made-up"),
            "database": ("password", "p@ss"),
            "cohere": ("api_key", "made-up-2"),
        },
        saves=("9 created.", "1 created."),
        files={
            "shop/.env": FIXTURES / "dotenv" / "app.env",
            "shop/service-account.json": FIXTURES / "dotenv" / "service-account.json",
        },
        environment={"COHERE_API_KEY": "made-up-2"},
    ),
    "Kafka Connect": Case(
        "kafka_connect",
        {
            "connect-cluster": ("password", "made-up worker: pass"),
            "audit-events": ("api_key", "made-up-audit"),
        },
        saves=("5 created.",),
        pasted=("made-up-audit",),
    ),
    "Any table": Case(
        "table",
        {"orders": ("password", "made-up-orders"), "news": ("api_key", "made-up-news")},
        saves=("4 created.",),
        files={"moving/accounts.csv": FIXTURES / "table" / "accounts.csv"},
        left=("accounts.yaml",),
    ),
}


def list_commands(section):
    """Return the commands of a section, one a line."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", SECTIONS[section], re.DOTALL | re.MULTILINE)
    return "".join(blocks).replace("\\\n", " ").splitlines()


def stand_in(command, following):
    """Return the command itself; for one of a program that is not here, one that brings what it made."""
    program = shlex.split(command)[0]
    if program not in MADE:
        return command
    for name, made in MADE[program].items():
        assert made.exists()
        assert re.search(rf"(^|[ =/]){re.escape(name)}( |$)", command), f"{command} does not make {name}"
        assert any(name in each for each in following if "/import_" in each), f"nothing reads {name}"
    return shlex.join(["cp", "-r", *map(str, MADE[program].values()), "."])


class Connect(BaseHTTPRequestHandler):
    """The REST API of a Kafka Connect, as far as it is asked."""

    def do_GET(self):
        self.send_response(200 if self.path == "/connectors?expand=info" else 404)
        self.end_headers()
        self.wfile.write((FIXTURES / "kafka_connect" / "connectors.json").read_bytes())

    def log_message(self, *_):
        pass


@contextmanager
def serve_connect(_):
    with HTTPServer(("127.0.0.1", 0), Connect) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", []
        server.shutdown()
        thread.join()


@contextmanager
def serve_other(open_service):
    """Serve another store; give its address, and the id and the secret of a key for it."""
    other = open_service("other")
    admin, viewer = (
        other.accounts.create_key(other.tenant(), role, by="test").token for role in (Role.ADMIN, Role.VIEWER)
    )
    with serve(other) as url:
        with Client(url, admin.reveal()) as client:
            client.save([ORDERS, {**SENDGRID, "name": "mail", "enabled": False}])
        yield url, viewer.reveal().split("_", 2)[1:]


PLACES = {
    "https://conductor.example.com": serve_other,
    "http://connect.example.com:8083": serve_connect,
}


def lay_out(section, home):
    """Put there what a section takes for granted, and the file that it shows."""
    (home / "credenza").symlink_to(ROOT)
    shown = re.findall(r"^```json\n(.*?)^```$", SECTIONS[section], re.DOTALL | re.MULTILINE)
    texts = {name: source.read_bytes() for name, source in CASES[section].files.items()}
    if shown:
        texts["moving/secrets.json"] = shown[0].encode()
    for name, text in texts.items():
        (home / name).parent.mkdir(mode=0o700, exist_ok=True)
        (home / name).write_bytes(text)


def follow(commands, pasted, home, environment):
    """Run commands one after the other in one shell, and return each with what it printed."""
    lines = [f"{command} || exit\nprintf '{END}'" for command in commands]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        input="".join(f"{each}\n" for each in pasted),
        capture_output=True,
        text=True,
        cwd=home,
        env={"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", **environment},
        check=False,
    )
    *printed, last = done.stdout.split(END)
    assert (done.returncode, done.stderr) == (0, ""), (commands[: len(printed) + 1][-1], last, done.stderr)
    return list(zip(commands, printed, strict=True))


@pytest.fixture
def walk(tmp_path, open_service):
    """Follow a section; give its commands with what they printed, and a client of the server."""
    with ExitStack() as stack:

        def walk(section):
            case = CASES[section]
            service = open_service(**case.settings)
            token = service.accounts.create_key(service.tenant(), Role.ADMIN, by="test").token.reveal()
            addresses = {TOLD: stack.enter_context(serve(service))}
            pasted = [token, *case.pasted]
            for address, open_place in PLACES.items():
                if address in SECTIONS[section]:
                    addresses[address], more = stack.enter_context(open_place(open_service))
                    pasted += more
            commands = [*list_commands(COMMON), *list_commands(section)]
            commands = [stand_in(each, commands[place + 1 :]) for place, each in enumerate(commands)]
            for address, real in addresses.items():
                commands = [each.replace(address, real) for each in commands]
            lay_out(section, tmp_path)
            printed = follow(commands, pasted, tmp_path, case.environment)
            return printed, stack.enter_context(Client(addresses[TOLD], token))

        yield walk


@pytest.mark.parametrize(
    "section",
    [
        pytest.param(each, marks=pytest.mark.system("curl") if "curl" in SECTIONS[each] else ())
        for each in CASES
    ],
)
def test_following_a_section_moves_everything_and_leaves_no_export_behind(walk, tmp_path, section):
    case = CASES[section]

    printed, client = walk(section)

    runs = [each for each in printed if f"import_{case.script}.py" in each[0]]
    plans = [answer for command, answer in runs if "--dry-run" in command]
    saves = [answer.splitlines()[-1] for command, answer in runs if "--dry-run" not in command]
    assert all(answer.endswith("; nothing was saved: this is a dry run.\n") for answer in plans)
    assert {row["result"] for row in read_table(plans[0]).values()} == {"created"}
    assert saves == list(case.saves)
    shown = "".join(answer for command, answer in printed if command.startswith("credenza export - "))
    assert f"{shown.count('- name: ')} created." == saves[0]
    for name, (key, secret) in case.secrets.items():
        assert client.reveal(name).configuration.reveal()[key] == secret
        assert all(secret not in answer for _, answer in printed)
    moving = tmp_path / "moving"
    assert [path.name for path in moving.iterdir()] == list(case.left)
    assert stat.S_IMODE(moving.stat().st_mode) == 0o700


def test_every_script_has_a_section_and_every_section_runs_its_script():
    scripts = {path.stem.removeprefix("import_") for path in SCRIPTS.glob("import_*.py")}

    assert {case.script for case in CASES.values()} == scripts
    assert SECTIONS.keys() - {COMMON} == CASES.keys()
    for section, case in CASES.items():
        commands = list_commands(section)
        assert len([each for each in commands if f"/import_{case.script}.py" in each]) >= 2, section


def test_every_section_is_in_the_list_at_the_top():
    listed = re.findall(r"^- \[(.*)\]\(#(.*)\)$", GUIDE, re.MULTILINE)

    assert [name for name, _ in listed] == [*SECTIONS]
    assert [re.sub(r"[^a-z0-9 -]", "", name.lower()).replace(" ", "-") for name, _ in listed] == [
        link for _, link in listed
    ]


def test_what_is_not_run_sets_things_up_and_no_more():
    untested = re.findall(r"^```text\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)

    assert [each.split("&& ")[-1].strip() for each in untested] == [
        "scripts/serve",
        "pip install -e '.[import]'",
    ]


def test_no_command_holds_a_secret():
    whole = "\n".join(command for section in SECTIONS for command in list_commands(section))

    assert "crdz_" not in whole
    assert not re.search(r"(?i)(password|secret|key|token)=\S", whole)
