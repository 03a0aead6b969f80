// What sluice-load --help prints.  Any thread.
#pragma once

#include <string_view>

namespace sluice::load {

inline constexpr std::string_view kLoadHelp = R"(NAME
  sluice-load - sends mail at a rate or as fast as it goes, and accounts for it

SYNOPSIS
  sluice-load [OPTION ...] HOST:PORT

DESCRIPTION
  Sends numbered messages to an SMTP server over many sessions, measures how
  long each stage took, and says in the end what became of every message. With
  sluice-sink behind the server and --sink, it asks there what has come, and
  says what was lost, doubled or changed on the way.

  Closed loop (the default): each session sends its next message once the last
  one is answered, as smtp-source does. The rate is what the server makes of it.
  Open loop (--rate): messages are due at that rate, however the server fares.
  One that finds no session free waits, and that wait is part of its latency: it
  is counted from when the message was due.

HOW MUCH
  --messages N       So many messages. Default: 1000; with --duration, no limit
  --duration S       For so many seconds.
  --rate R           Open loop, R messages a second.
  --arrivals even|poisson  How they are spread. Default: even
  --seed N           Of poisson. Default: 1
  --sessions N       Connections at a time. Default: 20
  --per-connection N Messages on a connection, then a new one. Default: no limit
  --threads N        Event loops, each with a share of the sessions. Default: 1

MESSAGES
  --size BYTES       Of the body: 4096, or 1024,65536 in turn, or 1024-65536 for
                     anything between; K and M may follow. Default: 4096
  --recipients N     Of each message. Default: 1
  --to MAILBOX       Default: to-%i@sink.example
  --from MAILBOX     Default: load@client.example; with logins that are
                     mailboxes, %u. "" is the null sender.
                     In both, %i is the identity of one recipient of one
                     message, by which the sink has it before the message has
                     come; %a is the number of the login, from 1 on, %u its
                     name, %% a percent sign. Several recipients need %i.
  --bdat             By BDAT where it is offered, else by DATA.
  --chunk BYTES      Of BDAT. Default: the whole message
  --no-pipelining    One command at a time. Default: MAIL, RCPT and DATA in one
                     write where it is offered, with BDAT the content too

SESSIONS
  --hello NAME       Of EHLO. Default: client.example
  --tls none|starttls|implicit  TLS 1.3; certificates are not checked.
                     Default: none
  --resume           Resumes TLS sessions where a connection follows another.
                     Default: each handshake is a full one
  --server-name NAME What TLS asks for. Default: HOST, or localhost where that
                     is an address
  --auth none|plain|login  Default: plain with --user or --accounts, else none
  --user NAME        The login; %a is its number, with --logins N of them.
  --logins N         Default: 1
  --password WORD    Of all of them. It is seen in the list of processes.
  --accounts FILE    Logins, one a line: name, TAB, password. Each connection
                     takes the next.

THE ACCOUNT
  --sink HOST:PORT   The --ledger of sluice-sink, to settle with.
  --settle S         How long to wait until it has seen all. Default: 10
  --timeout S        For each reply and connection. Default: 60
  --run HEX          The run's number, up to 16 digits. Default: a random one
  --json             The results as JSON.
  --quiet            No progress on standard error (a line each 5 s).
  -h, --help         Print this page.

REPORT
  Stages, each with its median, p90, p99, p99.9, largest and mean value, in
  microseconds; a value is exact to 1 in 128.
    connect   the TCP connection     tls       the handshake
    greeting  from there to the 220  auth      AUTH to its 235
    ehlo      each                   envelope  MAIL to the last RCPT's reply
    data      DATA to 354; pipelined, from MAIL on
    content   its first byte to the reply; pipelined with BDAT, from MAIL on
    whole     from when the message was due to its reply
    arrival   from when it was due to its end at the sink, where that is on the
              same machine
  Copies (one recipient of one message is a copy), by what the server said:
    accepted  250       failed   not sent to its end
    refused   5xx       unknown  sent, and no reply came
    deferred  4xx
  At the sink:
    lost      accepted, and by the end of --settle the sink has neither seen nor
              refused it. A server that keeps mail may have it still: one that
              was refused or reset by the sink waits before it comes again, also
              with messages that were not.
    doubled   arrivals that were one too many
    changed   not what was sent, behind its header field X-Sluice-Load
    refused_by_sink, deferred_by_sink
              accepted, and then refused by the sink: the server has to report
              it, or has it still. Not lost.
    denied    refused or deferred to us, and delivered all the same
  A refusal by the sink counts where the sink can tell which message it was: at
  RCPT by %i in --to, at MAIL by %i in --from, and at the end of the content.

SIGNALS
  SIGINT, SIGTERM  No further message is begun; what is under way ends, and is
                   settled. The second time that is broken off.

EXIT STATUS
  0  all was accepted, but for what the sink has refused; and with --sink,
     nothing was lost, doubled, changed or denied
  1  otherwise, or it could not start
  2  the command line is wrong

EXAMPLES
  sluice-sink --listen 127.0.0.1:2525 --ledger 127.0.0.1:2526 &
  sluice-load --messages 100000 --sink 127.0.0.1:2526 127.0.0.1:25
  sluice-load --rate 500 --arrivals poisson --duration 60 127.0.0.1:25
  sluice-load --tls starttls --resume --per-connection 1 --user a%a@example.com
      --logins 1000 --password secret 127.0.0.1:587

SEE ALSO
  sluice-sink --help
)";

}  // namespace sluice::load
