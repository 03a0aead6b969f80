#!/usr/bin/env python3
"""Monitoring: /metrics in both formats for promtool and for a real Prometheus, /healthz and /readyz, and who may ask."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from lib import mail
from lib.harness import TIMEOUT_FACTOR, Skipped, expect, expect_equal, expect_in, expect_not_in, main, shared, test, until
from lib.hop import Hop
from lib.mailq import closed_port
from lib.relay import Relay, authority, checked, free_port, under

OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
CLASSIC = "text/plain; version=0.0.4; charset=utf-8"
# What Prometheus 2.42 sends.
PROMETHEUS_ACCEPT = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10 * TIMEOUT_FACTOR)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class MonitoredRelay(Relay):
    """With a port and a UNIX socket for monitoring."""

    def __init__(self, hosts, start=True, **sections):
        super().__init__(hosts, start=False, **sections)
        self.metrics_port = free_port()
        self.metrics_socket = self.at("metrics.sock")
        self.config["metrics"] = {"listen": [f"127.0.0.1:{self.metrics_port}", self.metrics_socket]}
        self.write_config()
        if start:
            self.start()

    def ask(self, path, method="GET", connection=None, **fields):
        """Again where it is refused, as a test asks more often than it may."""
        while True:
            try:
                return self.ask_once(path, method, connection, **fields)
            except (ConnectionError, http.client.HTTPException):
                expect(self.alive(), "the relay is gone")
                time.sleep(0.1)

    def ask_once(self, path, method="GET", connection=None, **fields):
        connection = connection or http.client.HTTPConnection("127.0.0.1", self.metrics_port, timeout=10 * TIMEOUT_FACTOR)
        connection.request(method, path, headers=fields)
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        return response, body

    def metrics(self, **fields):
        response, body = self.ask("/metrics", **fields)
        expect_equal(response.status, 200, "the status of /metrics")
        return body

    def value(self, series):
        """Of a series as it is written: name{label="value"}."""
        found = [line.rsplit(" ", 1)[1] for line in self.metrics().splitlines() if line.rsplit(" ", 1)[0] == series]
        expect_equal(len(found), 1, f"samples of {series}")
        return float(found[0])

    def reaches(self, series, value):
        """What is rendered is good for a second."""
        until(lambda: self.value(series) == value, f"{series} is {value}, not {self.value(series)}")


@shared
def relay():
    return MonitoredRelay(hop())


@shared
def hop():
    return Hop()


def send(running, recipient=mail.RECIPIENT):
    client = running.client()
    client.submit(mail.compose(recipient=recipient), recipients=[recipient])
    client.quit()
    client.close()


def fail_in_each_way(running):
    """A login, a command and a message that are refused."""
    with running.connect("clear") as client:
        client.greeted()
        client.log_in(password="another secret", wanted="535")
    with running.client() as client:
        client.say("RCPT TO:<x>", "503")
        client.submit(mail.compose(sender="someone@elsewhere.example"), wanted="550")


def hop_context():
    return authority().server_context("localhost", "127.0.0.1")


QUEUED_BY_TLS = {"mode": "store", "fallback": True, "tls": "required", "verify": False}


def reach_a_limit(running):
    """Over TLS: a message that is taken, and one more recipient than the account may have."""
    running.control("account", "limit", mail.SENDER, "recipients/day=1")
    with running.client("starttls") as client:
        client.submit(mail.compose())
        client.say(f"MAIL FROM:<{mail.SENDER}>", "250")
        client.say(f"RCPT TO:<{mail.RECIPIENT}>", "550")


def promtool(*words, said=None):
    program = shutil.which("promtool")
    if program is None:
        raise Skipped("there is no promtool here: tools/deps test")
    return subprocess.run([program, *words], input=said, capture_output=True, text=True, timeout=30 * TIMEOUT_FACTOR, check=False)


# ------------------------------------------------------------------------------------ /metrics


@test
def promtool_has_nothing_to_say():
    send(relay())
    done = promtool("check", "metrics", said=relay().metrics())
    expect_equal((done.returncode, done.stdout + done.stderr), (0, ""), "what promtool says")


@test
def memory_of_tls_sessions_comes_and_goes():
    series = 'sluice_memory_bytes{kind="tls"}'
    at_once = 5
    # A core's first session makes something for all that come, which stays: as many sessions as take each core twice.
    for client in [relay().client("starttls") for _ in range(4)]:
        client.close()
    until(lambda: relay().value("sluice_sessions_open") == 0, "they have gone")
    before = relay().value(series)
    clients = [relay().client("starttls") for _ in range(at_once)]
    until(lambda: before + at_once * 2_000 < relay().value(series), "five sessions take memory")
    until(lambda: relay().value("sluice_sessions_open") == at_once, "all are there")
    with_them = relay().value(series)
    expect(with_them < before + 100_000, f"{with_them} bytes, and {before} before")
    for client in clients:
        client.close()
    until(lambda: relay().value(series) < with_them - at_once * 2_000, f"less than {with_them}, by five sessions; {relay().value(series)}")


@test
def a_message_is_counted():
    before = relay().value('sluice_messages_total{verdict="taken"}')
    accepted = relay().value("sluice_sessions_accepted_total")
    send(relay())
    relay().reaches('sluice_messages_total{verdict="taken"}', before + 1)
    relay().reaches("sluice_sessions_accepted_total", accepted + 1)
    relay().reaches("sluice_sessions_open", 0)
    expect_equal(relay().value("sluice_ready"), 1, "ready")
    expect(relay().value("process_open_fds") > 0, "no descriptors are open")


@test
def the_format_is_what_accept_asks_for():
    for fields, wanted in (({}, CLASSIC), ({"Accept": "*/*"}, CLASSIC), ({"Accept": PROMETHEUS_ACCEPT}, OPEN_METRICS)):
        response, body = relay().ask("/metrics", **fields)
        expect_equal(response.getheader("Content-Type"), wanted, f"the type for {fields}")
        expect_equal(body.endswith("# EOF\n"), wanted == OPEN_METRICS, f"an end for {fields}")
        name = "sluice_sessions_accepted" if wanted == OPEN_METRICS else "sluice_sessions_accepted_total"
        expect_in(f"# TYPE {name} counter\n", body, "the type's line")


@test
def every_counter_of_sluicectl_is_there():
    """By value: as many of the sums as sluicectl shows of what does not change by itself."""
    send(relay())
    counters = relay().status("counters")
    for series, name in (
        ('sluice_messages_total{verdict="taken"}', "messages_taken"),
        ('sluice_recipients_total{verdict="taken"}', "recipients_taken"),
        ('sluice_logins_total{backend="store",result="granted"}', "logins"),
        ("sluice_message_received_bytes_total", "bytes_taken"),
        ("sluice_next_hop_connections_opened_total", "next_hop_connections"),
        ('sluice_sessions_ended_total{reason="quit"}', "session_ended_quit"),
    ):
        relay().reaches(series, counters[name])


@test
def each_stage_is_measured():
    with Hop(tls=hop_context()) as next_hop, MonitoredRelay(next_hop, route=QUEUED_BY_TLS) as running:
        reach_a_limit(running)
        for stage in ("policy", "content", "queue_first_attempt", "queue_delivery", "next_hop_connect", "next_hop_tls_handshake",
                      "next_hop_reply"):  # fmt: skip
            until(lambda stage=stage: running.value(f"sluice_{stage}_seconds_count") > 0, f"a time of {stage}")
        until(lambda: running.value("sluice_spool_sync_seconds_count") > 1, "writes to the spool are measured")
        expect_equal(running.value('sluice_login_seconds_count{result="granted"}'), 1, "logins")
        # The store is asked again where it was changed meanwhile, as with the limit.
        expect(running.value('sluice_backend_checks_total{backend="store",result="granted"}') > 0, "answers of the store")
        expect_equal(running.value('sluice_logins_total{backend="store",result="granted"}'), 1, "its logins")
        reached = 'sluice_limits_reached_total{subject="account",quantity="recipients",window="day",effect="refuse"}'
        expect_equal(running.value(reached), 1, "the limit")
        kinds = [line for line in running.metrics().splitlines() if line.startswith("sluice_tls_connections_total{")]
        for side in ("client", "next_hop"):
            expect(any(f'side="{side}",version="TLSv1.3",group="' in line and line.endswith(" 1") for line in kinds), f"{side}: {kinds}")


@test
def a_granted_login_is_a_line_of_the_usual_level():
    with MonitoredRelay(hop(), log={"level": "info"}) as running:
        running.client().close()
        expect_equal(running.logged("login", result="granted")["level"], "info", "its level")


@test
def no_label_says_who_has_sent():
    send(relay(), "someone-unusual@example.org")
    body = relay().metrics()
    for name in (mail.SENDER, "someone-unusual", "127.0.0.1:5"):
        expect_not_in(name, body, "metrics")


@test
def a_unix_socket_is_answered_and_is_for_the_group():
    response, body = relay().ask("/metrics", connection=UnixConnection(relay().metrics_socket))
    expect_equal(response.status, 200, "the status")
    expect_in("sluice_sessions_open", body, "metrics")
    expect_equal(os.stat(relay().metrics_socket).st_mode & 0o777, 0o660, "the socket's mode")


@test
def get_and_head_alone():
    response, body = relay().ask("/metrics", method="HEAD")
    expect_equal((response.status, body), (200, ""), "HEAD")
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        response, _ = relay().ask("/metrics", method=method)
        expect_equal((response.status, response.getheader("Allow")), (405, "GET, HEAD"), method)
    response, _ = relay().ask("/metrics/../secret")
    expect_equal(response.status, 404, "another path")


@test
def a_storm_of_scrapes_is_limited():
    refused = 0
    for _ in range(300):
        try:
            relay().ask_once("/metrics")
        except (ConnectionError, http.client.HTTPException):
            refused += 1
    expect(refused > 0, "not one connection was refused")
    expect_equal(relay().ask("/healthz")[0].status, 200, "an answer behind the storm")


@test
def the_queue_shows_its_oldest_message_and_its_dead_next_hop():
    with MonitoredRelay(closed_port()[0], route={"fallback": True}) as running:
        expect_not_in("sluice_queue_oldest_message", running.metrics(), "metrics of an empty queue")
        send(running)
        until(lambda: 'sluice_queue_oldest_message_timestamp_seconds{state="queued"} ' in running.metrics(), "the oldest message")
        until(lambda: "sluice_spool_messages 1\n" in running.metrics(), "one message in the spool")
        until(lambda: re.search(r'^sluice_queue_route_jobs\{route="[^"]+"\} 1$', running.metrics(), re.MULTILINE), "the job of the route")
        failing = re.compile(r"^sluice_next_hops_failing\{.*\} [1-9]", re.MULTILINE)
        until(lambda: failing.search(running.metrics()), "a next hop that fails")
        arrived = running.value('sluice_queue_oldest_message_timestamp_seconds{state="queued"}')
        running.control("queue", "hold", "--all")
        until(lambda: 'sluice_queue_oldest_message_timestamp_seconds{state="held"} ' in running.metrics(), "the held message")
        expect_equal(running.value('sluice_queue_oldest_message_timestamp_seconds{state="held"}'), arrived, "the same message")


# ------------------------------------------------------------------------------------ alerts and the dashboard

RULES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "prometheus")


@test
def each_alert_fires_in_its_test_and_keeps_quiet_in_another():
    done = promtool("test", "rules", os.path.join(RULES, "alerts_test.yml"))
    expect_equal(done.returncode, 0, f"promtool test rules: {done.stdout}{done.stderr}")
    with open(os.path.join(RULES, "alerts.yml"), encoding="utf-8") as file:
        alerts = re.findall(r"- alert: (\w+)", file.read())
    with open(os.path.join(RULES, "alerts_test.yml"), encoding="utf-8") as file:
        tests = re.findall(r"- name: (\w+ (?:fires|keeps quiet))", file.read())
    expect_equal(tests, [f"{alert} {what}" for alert in alerts for what in ("fires", "keeps quiet")], "the tests")


def names_in(text):
    """The metrics that expressions look at; a histogram's buckets are its own."""
    return {name.removesuffix("_bucket") for name in re.findall(r"\b(?:sluice|process)_\w+", text)}


def expressions_of_alerts():
    with open(os.path.join(RULES, "alerts.yml"), encoding="utf-8") as file:
        return re.sub(r"(?:summary|description): .*", "", file.read())


def dashboard():
    with open(os.path.join(RULES, "grafana.json"), encoding="utf-8") as file:
        return json.load(file)


def queries():
    """Of the dashboard's panels, by their titles and letters."""
    return {f"{panel['title']}, {target['refId']}": target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", [])}


@test
def what_alerts_and_dashboard_look_at_is_there():
    with MonitoredRelay(closed_port()[0], route={"fallback": True}) as running:
        send(running)
        # An empty queue has no oldest message, and what has not happened yet no sample.
        for late in ("sluice_certificate_expiry_timestamp_seconds{", "sluice_next_hops{", "sluice_queue_oldest_message_timestamp_seconds{"):
            until(lambda late=late: late in running.metrics(), late)
        fail_in_each_way(running)
        until(lambda: "sluice_messages_not_taken_total{" in running.metrics(), "a refused message")
        names = {line.split()[2] for line in running.metrics().splitlines() if line.startswith("# TYPE ")}
    with Hop(tls=hop_context()) as next_hop, MonitoredRelay(next_hop, route=QUEUED_BY_TLS) as running:
        reach_a_limit(running)
        until(lambda: "sluice_destination_recipients_total{" in running.metrics(), "a delivery")
        names |= {line.split()[2] for line in running.metrics().splitlines() if line.startswith("# TYPE ")}
    for what, text in (("alerts", expressions_of_alerts()), ("the dashboard", " ".join(queries().values()))):
        expect_equal(sorted(names_in(text) - names), [], f"metrics that {what} look at and the relay does not have")


@test
def prometheus_reads_each_query_of_the_dashboard():
    rules = [{"record": f"query:number{number}", "expr": query.replace("$__rate_interval", "5m").replace("$instance", ".*")}
             for number, query in enumerate(queries().values())]  # fmt: skip
    expect(len(rules) > 30, f"queries: {len(rules)}")
    path = under("dashboard-rules.yml")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
    done = promtool("check", "rules", path)
    expect_equal(done.returncode, 0, f"promtool check rules: {done.stdout}{done.stderr}")
    for name, query in queries().items():
        expect_in('instance=~"$instance"', query, f"{name}: the relay that is chosen")


@test
def the_dashboard_has_what_grafana_s_schema_requires():
    """As kinds/dashboard/dashboard_kind.cue of Grafana has it."""
    board = dashboard()
    kinds = {"uid": str, "title": str, "tags": list, "editable": bool, "schemaVersion": int, "version": int, "graphTooltip": int,
             "timezone": str, "refresh": str, "time": dict, "timepicker": dict, "templating": dict, "annotations": dict,
             "links": list, "panels": list}  # fmt: skip
    for field, kind in kinds.items():
        expect_equal(type(board.get(field)), kind, f"the type of {field}")
    expect_not_in("id", board, "the fields: it is Grafana's to give")
    variables = {each["name"]: each["type"] for each in board["templating"]["list"]}
    expect_equal(variables, {"datasource": "datasource", "instance": "query"}, "the variables")
    taken = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        expect(cells and max(x for x, _ in cells) < 24, f"{panel['title']} is outside")
        expect_equal(cells & taken, set(), f"where {panel['title']} covers another panel")
        taken |= cells
        expect_in(panel["type"], ("row", "stat", "timeseries"), panel["title"])
        letters = [target["refId"] for target in panel.get("targets", [])]
        expect_equal((len(set(letters)), bool(letters)), (len(letters), panel["type"] != "row"), f"the queries of {panel['title']}")
        if panel["type"] != "row":
            expect_equal(panel["datasource"], {"type": "prometheus", "uid": "${datasource}"}, f"the source of {panel['title']}")
            steps = panel["fieldConfig"]["defaults"].get("thresholds", {"steps": [{"value": None}]})["steps"]
            expect_equal(steps[0]["value"], None, f"the lowest threshold of {panel['title']}")
    numbers = [panel["id"] for panel in board["panels"]]
    expect_equal(sorted(set(numbers)), sorted(numbers), "the panels' numbers")


# ------------------------------------------------------------------------------------ health and readiness


@test
def a_relay_that_runs_is_healthy_and_ready():
    for path, words in (("/healthz", "healthy\n"), ("/readyz", "ready\n")):
        response, body = relay().ask(path)
        expect_equal((response.status, body), (200, words), path)


@test
def a_drain_is_healthy_and_not_ready():
    with MonitoredRelay(hop()) as running:
        client = running.client()
        running.signal(signal.SIGTERM)
        running.logged("draining")
        until(lambda: running.ask("/readyz")[0].status == 503, "not ready")
        expect_equal(running.ask("/readyz")[1], "draining\n", "why not")
        expect_equal(running.ask("/healthz")[0].status, 200, "health")
        expect_in("sluice_draining 1\n", running.metrics(), "metrics")
        client.close()


# ------------------------------------------------------------------------------------ who may ask


@test
def an_open_address_needs_networks():
    said = checked(closed_port()[0], metrics={"listen": ["0.0.0.0:9465"]})
    expect_in("metrics.listen: 0.0.0.0:9465 can be reached from elsewhere, and nobody there may ask", said, "sluice check")


@test
def a_taken_port_is_said():
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        said = checked(closed_port()[0], metrics={"listen": [f"127.0.0.1:{port}"]})
    expect_in("metrics.listen", said, "sluice check")
    expect_in(str(port), said, "sluice check")


@test
def without_the_setting_nothing_listens():
    with Relay(hop()) as running:
        shown = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
        ours = [line for line in shown.splitlines() if f"pid={running.process.pid}," in line]
        expect(len(ours) > 0, "ss shows nothing of the relay")
        for line in ours:
            expect(any(f":{port} " in line for port in running.ports.values()), f"a port of its own: {line}")


# ------------------------------------------------------------------------------------ a real Prometheus


class Prometheus:
    def __init__(self, target, rules=None):
        if shutil.which("prometheus") is None:
            raise Skipped("there is no prometheus here: tools/deps test")
        self.port = free_port()
        folder = under(f"prometheus-{self.port}")
        os.makedirs(folder)
        config = {
            "global": {"scrape_interval": "1s"},
            "scrape_configs": [{"job_name": "sluice", "static_configs": [{"targets": [target]}]}],
            "rule_files": [rules] if rules else [],
        }
        with open(os.path.join(folder, "prometheus.yml"), "w", encoding="utf-8") as file:
            json.dump(config, file)
        self.output = open(os.path.join(folder, "output"), "w+", encoding="utf-8")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{self.port}"],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output,
        )  # fmt: skip

    def get(self, path, **query):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10 * TIMEOUT_FACTOR)
        try:
            connection.request("GET", path + "?" + urllib.parse.urlencode(query))
            return json.loads(connection.getresponse().read())["data"]
        except (ConnectionError, ValueError):  # it starts
            return None
        finally:
            connection.close()

    def query(self, expression):
        data = self.get("/api/v1/query", query=expression)
        return [(one["metric"], float(one["value"][1])) for one in data["result"]] if data else []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20 * TIMEOUT_FACTOR)
        self.output.close()


@test
def a_real_prometheus_scrapes():
    running = relay()
    taken = 'sluice_messages_total{verdict="taken"}'
    with Prometheus(f"127.0.0.1:{running.metrics_port}") as prometheus:
        until(lambda: prometheus.query("up") and prometheus.query("up")[0][1] == 1, "the target is up", 20)
        send(running)
        value = running.counter("messages_taken")
        until(lambda: [one[1] for one in prometheus.query(taken)] == [value], "the message is counted", 20)
        target = prometheus.get("/api/v1/targets")["activeTargets"][0]
        expect_equal((target["health"], target["lastError"]), ("up", ""), "the target")
        kinds = {name: rows[0]["type"] for name, rows in prometheus.get("/api/v1/metadata").items()}
        expect_equal(kinds.get("sluice_sessions_open"), "gauge", "the type of a gauge")
        expect_equal(kinds.get("sluice_core_turn_delay_seconds"), "histogram", "the type of a histogram")


if __name__ == "__main__":
    sys.exit(main())
