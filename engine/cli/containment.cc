#include "engine/cli/containment.h"

#include <algorithm>
#include <array>
#include <ostream>
#include <sstream>
#include <utility>

#include "auth/store/account_admin.h"
#include "auth/store/containment_admin.h"
#include "engine/base/check.h"
#include "engine/base/counted.h"
#include "engine/cli/answer.h"
#include "engine/cli/moment.h"
#include "engine/cli/password.h"
#include "engine/control/containment_request.h"
#include "engine/text/did_you_mean.h"
#include "engine/text/table_text.h"

namespace sluice::cli {
namespace {

using auth::ContainedKind;
using auth::ContainmentAdmin;
using Containing = ContainmentCommand::Verb;
using text::Option;
using text::Words;

struct VerbWord {
  std::string_view word;
  Containing verb;
  std::string_view done;  // what the subject is then
};
constexpr std::array<VerbWord, 4> kVerbWords{{{"contain", Containing::contain, "contained"},
                                              {"release", Containing::release, "released"},
                                              {"suspend-outgoing", Containing::suspend, "suspended for sending"},
                                              {"hold-outgoing", Containing::hold, "on hold for sending"}}};
constexpr std::array<std::string_view, 3> kKindOptions{"--account", "--customer", "--network"};
// Of names that are looked through for one that was meant.
constexpr std::size_t kNamesMax = 20'000;

const VerbWord& word_of(Containing verb) { return *std::ranges::find(kVerbWords, verb, &VerbWord::verb); }

// ------------------------------------------------------------------------------------------ grammar

void fail_containment(SluicectlCommand& command, std::string_view word, const std::string& problem) {
  command.kind = SluicectlCommand::Kind::error;
  command.text = text::with_advice("sluicectl", std::string(word) + ": " + problem, "sluicectl " + std::string(word));
}

// Takes over a name, by itself or behind one of kKindOptions.
std::string take_name(ContainmentCommand& containment, std::string_view name, std::optional<std::uint8_t> kind) {
  if (!containment.name.empty()) return "takes one name only";
  if (name.empty()) return "the name is empty";
  containment.name = name;
  containment.kind = kind;
  return "";
}

std::string finish_containment(ContainmentCommand& containment, std::span<const Option> options) {
  std::string problem;
  for (std::size_t i = 0; i < kKindOptions.size() && problem.empty(); ++i)
    if (options[i].given) problem = take_name(containment, *options[i].given, static_cast<std::uint8_t>(i));
  if (!problem.empty()) return problem;
  containment.reason = options[3].given.value_or("");
  containment.json = options[4].given.has_value();
  containment.with_mail = options[5].given.has_value();
  containment.list = options[6].given.has_value();
  const bool releases = containment.verb == Containing::release;
  if (containment.with_mail && !releases) return "takes no --with-mail";
  if (options[3].given && releases) return "takes no --reason";
  if (containment.list && containment.verb != Containing::contain)
    return "takes no --list; see: sluicectl contain --list";
  if (containment.list) return containment.name.empty() ? "" : "takes either a name or --list";
  if (containment.name.empty()) return "needs the name of an account or a customer, or a network";
  const bool printable = std::ranges::all_of(containment.reason, [](char c) { return c >= ' ' && c <= '~'; });
  if (printable && containment.reason.size() <= control::kHoldReasonBytesMax) return "";
  return "--reason takes up to " + std::to_string(control::kHoldReasonBytesMax) + " printable ASCII characters";
}

// ------------------------------------------------------------------------------------------ running

class ContainmentRun {
 public:
  ContainmentRun(const ContainmentCommand& command, const AccountCommandWorld& world, ContainmentAdmin& admin,
                 const std::string& actor)
      : command_(command), world_(world), admin_(admin), actor_(actor) {}

  // The store's part.
  auth::StoreResult<> change(const std::optional<auth::DeadPassword>& dead) {
    auto subject = find();
    if (!subject) return std::unexpected(subject.error());
    subject_ = *std::move(subject);
    if (subject_.kind == ContainedKind::network && command_.verb == Containing::hold)
      return auth::store_error(auth::StoreError::Kind::refused,
                               "hold-outgoing takes no network: contain it, or hold what came from there with: "
                               "sluicectl queue hold --client " +
                                   subject_.name);
    if (command_.verb == Containing::release) return release();
    const auto done = admin_.contain(
        {.subject = subject_,
         .status = command_.verb == Containing::hold ? auth::AccountStatus::held : auth::AccountStatus::suspended,
         .reason = command_.reason,
         .actor = actor_,
         .now = world_.clock.wall(),
         .dead = dead ? &*dead : nullptr});
    if (!done) return std::unexpected(done.error());
    done_ = *done;
    reason_ = command_.reason;
    return {};
  }

  // The relay's part.  False: it was not all done, and `err` says what was not.
  bool tell(RelayDialog& relay) {
    if (done_.id == 0) return true;  // there was nothing to be released
    const std::string line = control::encode_containment_request(request());
    std::ostringstream answer;
    std::ostringstream faults;
    AnswerPrinter printer(true, answer, faults);
    const auto asked = relay.ask(line + "\n", [&printer](std::string_view bytes) { printer.feed(bytes); });
    const bool whole = asked && printer.finish();
    answer_ = answer.str();
    if (whole) {
      left_ = faults.str();  // notes
      return true;
    }
    left_ = asked ? faults.str()
                  : "sluicectl: the store says so, but the relay was not told: " + text::printable(asked.error()) +
                        "\nsluicectl: " + not_done() + "\n";
    return false;
  }

  void print(bool whole) const {
    if (command_.json) {
      print_json(whole);
    } else {
      print_text();
    }
    world_.err << left_;
  }

 private:
  auth::StoreResult<auth::ContainedSubject> find() {
    auto kind = command_.kind ? std::optional(static_cast<ContainedKind>(*command_.kind)) : std::nullopt;
    auto found = admin_.find(command_.name, kind);
    if (found || found.error().kind != auth::StoreError::Kind::not_found) return found;
    std::string remedy;
    if (const auto names = admin_.names(kNamesMax)) {
      const std::vector<std::string_view> known(names->begin(), names->end());
      const std::string_view meant = text::did_you_mean(command_.name, known);
      if (!meant.empty()) remedy = "; did you mean " + text::printable(meant) + "?";
    }
    if (!kind && command_.name.contains('@'))
      remedy += remedy.empty() ? "; one that another back end has is named with --account NAME"
                               : " (One that another back end has is named with --account NAME.)";
    if (!kind && remedy.empty()) remedy = "; see them with: sluicectl account list, sluicectl customer list";
    return auth::store_error(auth::StoreError::Kind::not_found, found.error().what + remedy);
  }

  auth::StoreResult<> release() {
    const auto released = admin_.release(subject_, actor_, world_.clock.wall());
    if (!released) return std::unexpected(released.error());
    if (*released) {
      done_ = {.id = (*released)->id, .before = true};
      reason_ = (*released)->reason;
    }
    return {};
  }

  [[nodiscard]] control::ContainmentRequest request() const {
    using Request = control::ContainmentRequest;
    constexpr std::array<Request::Verb, 4> kVerbs{Request::Verb::contain, Request::Verb::release,
                                                  Request::Verb::suspend, Request::Verb::hold};
    return {.verb = kVerbs[static_cast<std::size_t>(command_.verb)],
            .json = command_.json,
            .mail = command_.with_mail,
            .id = static_cast<std::uint64_t>(done_.id),
            .kind = static_cast<Request::Kind>(subject_.kind),
            .subject = subject_.name,
            .reason = command_.reason};
  }

  [[nodiscard]] std::string not_done() const {
    const std::string again = "; give the command again once the relay runs";
    switch (command_.verb) {
      case Containing::contain:
        return "its sessions, if any are open, were not ended, and its queued mail is not held" + again;
      case Containing::suspend:
        return "its sessions, if any are open, were not ended" + again;
      case Containing::hold:
        return "its queued mail is not held" + again;
      case Containing::release:
        break;
    }
    return (command_.with_mail ? "its held mail is not released" : "a running relay notices within a second") +
           (command_.with_mail ? "; once the relay runs, release it with: sluicectl review release" : std::string());
  }

  [[nodiscard]] std::string name_text() const {
    return std::string(auth::contained_kind_name(subject_.kind)) + " " + text::printable(subject_.name);
  }

  void print_text() const {
    std::ostream& out = world_.out;
    if (done_.id == 0) {
      out << name_text() << ": was not contained\n";
      return;
    }
    out << name_text() << ": " << word_of(command_.verb).done << " (" << done_.id << ")"
        << (done_.before && command_.verb != Containing::release ? ", as before" : "") << "\n";
    if (command_.verb == Containing::contain) print_passwords();
    if (command_.verb == Containing::release) print_what_remains();
    out << answer_;
  }

  void print_passwords() const {
    if (subject_.kind == ContainedKind::network) return;
    if (done_.accounts + done_.devices > 0)
      world_.out << counted(done_.accounts, "password") << " and " << counted(done_.devices, "device password")
                 << " are worth nothing now\n";
    if (subject_.elsewhere)
      world_.out << "its password is another back end's: it is refused until release; have it changed there first\n";
  }

  void print_what_remains() const {
    if (subject_.kind == ContainedKind::account && !subject_.elsewhere)
      world_.out << "if it was contained, its password is to be set anew: sluicectl account password "
                 << text::printable(subject_.name) << "\n";
    if (!command_.with_mail) world_.out << "held mail waits for: sluicectl review\n";
  }

  void print_json(bool whole) const {
    std::string relay = answer_;
    while (!relay.empty() && relay.back() == '\n') relay.pop_back();
    const auto status = command_.verb == Containing::release ? "released"
                        : command_.verb == Containing::hold  ? "held"
                                                             : "suspended";
    world_.out << "{\"id\": " << done_.id << ", \"kind\": " << text::json_string(contained_kind_name(subject_.kind))
               << ", \"subject\": " << text::json_string(subject_.name)
               << ", \"status\": " << text::json_string(done_.id == 0 ? "not contained" : status)
               << ", \"reason\": " << text::json_string(reason_) << ", \"actor\": " << text::json_string(actor_)
               << ", \"before\": " << (done_.before ? "true" : "false") << ", \"passwords\": " << done_.accounts
               << ", \"device_passwords\": " << done_.devices << ", \"done\": " << (whole ? "true" : "false")
               << ", \"relay\": " << (relay.starts_with('{') ? relay : "null") << "}\n";
  }

  const ContainmentCommand& command_;
  const AccountCommandWorld& world_;
  ContainmentAdmin& admin_;
  const std::string& actor_;
  auth::ContainedSubject subject_;
  ContainmentAdmin::Done done_;
  std::string reason_;
  std::string answer_;  // the relay's
  std::string left_;    // what it says beside that, or what it was not told
};

int list_containments(const AccountCommandWorld& world, ContainmentAdmin& admin, bool json, TimeForm form) {
  const auto records = admin.list();
  if (!records) return finish_command(world, auth::without_value(records));
  text::Table table{{"id", "kind", "subject", "status", json ? "since_ms" : "since", "actor", "reason"}, {}};
  const auto since = [&](WallMillis at) {
    return json ? text::Cell(static_cast<std::uint64_t>(at)) : text::Cell(moment_text(at, form));
  };
  for (const auth::ContainmentRecord& each : *records)
    table.rows.push_back({static_cast<std::uint64_t>(each.id), auth::contained_kind_name(each.kind), each.subject,
                          auth::status_name(each.status), since(each.created), each.actor, each.reason});
  if (!json && table.rows.empty()) {
    world.out << "nothing is contained\n";
  } else {
    world.out << (json ? text::as_json(table) : text::as_text(table));
  }
  return finish_command(world, {});
}

// Of a password that nobody knows, made as the account's own would be.
auth::StoreResult<std::optional<auth::DeadPassword>> dead_password(const ContainmentCommand& command,
                                                                   const auth::StoreAddress& store,
                                                                   const AccountCommandWorld& world) {
  if (command.verb != Containing::contain || command.list) return std::nullopt;
  const auto admin = auth::AccountAdmin::open(store, auth::IfMissing::fail, world.hash_cost);
  if (!admin) return std::unexpected(admin.error());
  (*admin)->set_scram_iterations(world.settings.scram_iterations);
  std::string text = generate_password(world.random);
  const auto secret = auth::Secret::make(text);
  auth::wipe_bytes(text.data(), text.size());
  CHECK(secret.has_value());
  auto hash = (*admin)->hash_password(*secret);
  if (!hash) return std::unexpected(hash.error());
  auto scram = (*admin)->scram_keys(*secret);
  if (!scram) return std::unexpected(scram.error());
  return auth::DeadPassword{.hash = *std::move(hash), .scram = *std::move(scram)};
}

}  // namespace

bool is_containment_word(std::string_view word) {
  return std::ranges::find(kVerbWords, word, &VerbWord::word) != kVerbWords.end();
}

void parse_containment_command(const Words& words, SluicectlCommand& command) {
  std::array<Option, 8> options{Option{kKindOptions[0], "NAME"},
                                Option{kKindOptions[1], "NAME"},
                                Option{kKindOptions[2], "NETWORK"},
                                Option{"--reason", "TEXT"},
                                Option{"--json", ""},
                                Option{"--with-mail", ""},
                                Option{"--list", ""},
                                Option{"--time", "FORM"}};
  const std::string_view word = words.front();
  ContainmentCommand containment{.verb = std::ranges::find(kVerbWords, word, &VerbWord::word)->verb};
  std::string problem;
  bool operands_only = false;
  for (std::size_t at = 1; at < words.size() && problem.empty();) {
    Option* const option = operands_only ? nullptr : text::find_option(options, words[at]);
    if (option != nullptr) {
      problem = text::take_option(*option, words, at);
    } else if (!operands_only && words[at] == "--") {
      operands_only = true;
      ++at;
    } else if (!operands_only && text::is_help(words[at])) {
      command.kind = SluicectlCommand::Kind::print;
      command.text = containment_help();
      return;
    } else if (!operands_only && words[at].starts_with('-')) {
      problem = text::unknown_option(words[at], options);
    } else {
      problem = take_name(containment, words[at++], std::nullopt);
    }
  }
  if (problem.empty()) problem = finish_containment(containment, options);
  if (const auto time = options.back().given; time && problem.empty())
    problem = containment.list && !containment.json ? read_time_form(*time, containment.time)
                                                    : "takes --time with --list alone, and without --json";
  if (!problem.empty()) return fail_containment(command, word, problem);
  command.kind = SluicectlCommand::Kind::contain;
  command.containment = std::move(containment);
}

int run_containment_command(const ContainmentCommand& command, const AccountCommandWorld& world, RelayDialog& relay,
                            const std::string& actor) {
  const auto store = configured_store(world);
  if (!store) return finish_command(world, auth::store_error(auth::StoreError::Kind::refused, store.error()));
  const auto dead = dead_password(command, *store, world);
  if (!dead) return finish_command(world, auth::without_value(dead));
  const auto admin = ContainmentAdmin::open(*store);
  if (!admin) return finish_command(world, auth::without_value(admin));
  if (command.list) return list_containments(world, **admin, command.json, command.time);
  ContainmentRun run(command, world, **admin, actor);
  if (auto changed = run.change(*dead); !changed) return finish_command(world, changed);
  const bool whole = run.tell(relay);
  run.print(whole);
  const int status = finish_command(world, {});
  return whole ? status : kCtlFailed;
}

}  // namespace sluice::cli
