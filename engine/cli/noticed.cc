#include "engine/cli/noticed.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "engine/cli/operands.h"
#include "engine/cli/view_grammar.h"
#include "engine/cli/views.h"
#include "engine/control/noticed_request.h"

namespace sluice::cli {
namespace {

constexpr std::string_view kNoticedPage = R"(NAME
  sluicectl noticed - see what was noticed of an account, and lift it

SYNOPSIS
  sluicectl noticed ACCOUNT [--time FORM] [--json]
  sluicectl noticed release ACCOUNT [--json]

DESCRIPTION
  The relay notices accounts that begin to send as spammers do, as after the theft
  of a password: each account has a score, and with it a step of a ladder. How far
  up it goes is class.notice of the configuration.

  tell     An event account_noticed; nothing else.
  slow     Each message waits for its turn, a second for each recipient.
  hold     Messages are taken and held for review, with those that are queued
           already; what was on its way to a next hop is broken off before its
           end.
  suspend  Nothing is taken, but mail inside the customer's own domains.

  A timer lifts hold after a day and suspend after three; each time is a strike,
  which brings the next one sooner. The third within a month suspends.

  The page of an account has its step and the one that is taken (effect), until
  when a timer keeps that, score, strikes, and what it did in the last 24 hours:
  recipients, those that it never wrote to before, networks that it sent from,
  recipients that next hops answered for good and how many of them they do not
  know, replies that speak of spam, and the reasons of its score. All of it is kept over restarts, for a year after the
  account's last message; a kill or a loss of power forgets at most the last ten
  minutes, and no step. Relays of a cluster with a cluster.key_file count together;
  a relay does not hear what others saw while it was down.

  release  An operator lifts all steps: what led to them is forgotten, strikes too.
           The account's habits and the recipients that it knows stay.

OPTIONS
  --time FORM     Of moments: local, which is the default, with the zone; iso
                  (RFC 3339, in UTC); epoch (seconds since 1970). JSON has
                  milliseconds since 1970.
  --json          Print JSON (RFC 8259).
  --config FILE, --control PATH, --timeout S
                  As in sluicectl --help.
  -h, --help      Print this page.

EXIT STATUS
  0  What was asked for is done; also if nothing is known of the account.
  1  It failed; the reason is on standard error.
  2  The command line was not understood.

SEE ALSO
  sluicectl explain --help, sluicectl contain --help, sluicectl review --help
)";

}  // namespace

void parse_noticed_command(const text::Words& words, SluicectlCommand& command) {
  std::array<text::Option, ViewWords::kCount + 1> options;
  std::ranges::copy(ViewWords::all(), options.begin());
  options.back() = {"--json", ""};
  control::NoticedRequest request;
  const auto take_account = [&request](std::string_view word) -> std::string {
    if (word == "release" && !request.release && request.account.empty()) {
      request.release = true;
    } else if (request.account.empty()) {
      request.account = word;
    } else {
      return "takes one account";
    }
    return "";
  };
  if (!read_operands(ViewWords::with_watch(words), options, noticed_help, take_account, command)) return;
  const bool json = options.back().given.has_value();
  const auto given = std::span(options).first<ViewWords::kCount>();
  std::string problem = control::noticed_request_fault(request);
  if (request.release) {
    request.json = json;
    if (problem.empty()) problem = no_view_options(given);
    command.kind = SluicectlCommand::Kind::ask;
    command.request = control::encode_noticed_request(request);
  } else if (problem.empty()) {
    request.json = true;
    problem = make_view(kNoticedView, given, {.line = control::encode_noticed_request(request), .json = json}, command);
    command.view.as_it_is = json;
  }
  if (!problem.empty()) fail_command(command, words.front(), problem);
}

std::string noticed_help() { return std::string(kNoticedPage); }

}  // namespace sluice::cli
