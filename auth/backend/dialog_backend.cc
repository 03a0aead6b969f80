#include "auth/backend/dialog_backend.h"

#include <algorithm>
#include <utility>

#include "auth/backend/slots.h"
#include "auth/backend/wire.h"
#include "auth/secret.h"
#include "engine/base/check.h"

namespace sluice::auth {
namespace {

using Kind = Verdict::Kind;

// Of one conversation; far more than any server says up to the end of a login.
constexpr std::size_t kCapabilityLinesMax = 200;
constexpr std::size_t kBytesMax = 65536;
// How long the answer to the goodbye is waited for; the login has its verdict by then.
constexpr Duration kGoodbyeTimeout = std::chrono::seconds(2);
constexpr unsigned kGoodbyeLinesMax = 10;

// What a server may still say in one conversation.
class Allowance {
 public:
  // False where that is too much.
  bool take(std::size_t bytes) {
    ++lines_;
    bytes_ += std::min(bytes, kBytesMax + 1);
    return lines_ <= kCapabilityLinesMax && bytes_ <= kBytesMax;
  }

 private:
  std::size_t lines_ = 0;
  std::size_t bytes_ = 0;
};

class DialogBackend final : public Backend {
 public:
  DialogBackend(const BackendParts& parts, const EndpointSource& source, MakeDialog make_dialog)
      : endpoint_(parts, source), make_dialog_(make_dialog), slots_(parts.loop, source.options.connections) {}

  Task<Verdict> check(const Credentials& credentials) override;
  Task<void> close() override { return endings_.join("the ends of logins to a mailbox server"); }

 private:
  Task<Verdict> converse(Wire& wire, LoginDialog& dialog, Instant deadline);
  // Does what a step asks for, up to what the next line is the answer to; an error is a reason.
  Task<WireResult<>> perform(Wire& wire, LoginDialog& dialog, DialogStep& step, Allowance& allowance, Instant deadline);
  Task<void> say_goodbye(std::unique_ptr<Wire> wire, Slots::Slot slot, std::string goodbye);
  [[nodiscard]] bool clear_is_allowed(const Wire& wire) const {
    return endpoint_.options().tls == BackendTls::none || wire.server().starts_with('/');
  }

  Endpoint endpoint_;
  MakeDialog make_dialog_;
  Slots slots_;
  TaskSet endings_;
};

Task<Verdict> DialogBackend::check(const Credentials& credentials) {
  const BackendOptions& options = endpoint_.options();
  const Instant deadline = later(endpoint_.now(), options.timeout);
  Slots::Slot slot = co_await slots_.take(deadline);
  if (!slot)
    co_return Verdict::of(Kind::unavailable, options.servers.front().to_string() + ": all " +
                                                 std::to_string(options.connections) + " connections are in use");
  auto wire = co_await endpoint_.open(deadline);
  if (!wire) co_return Verdict::of(Kind::unavailable, wire.error());
  const bool starttls = options.tls == BackendTls::starttls && !clear_is_allowed(**wire);
  const auto dialog = make_dialog_({.mechanism = options.mechanism, .starttls = starttls}, credentials);
  Verdict verdict = co_await converse(**wire, *dialog, deadline);
  if (verdict.kind == Kind::unavailable) {
    co_await (*wire)->close();
  } else {
    endings_.add(say_goodbye(*std::move(wire), std::move(slot), dialog->goodbye()));
  }
  co_return verdict;
}

Task<Verdict> DialogBackend::converse(Wire& wire, LoginDialog& dialog, Instant deadline) {
  Allowance allowance;
  for (;;) {
    const auto line = co_await wire.line(deadline);
    if (!line) co_return Verdict::of(Kind::unavailable, line.error());
    if (!allowance.take(line->size()))
      co_return Verdict::of(Kind::unavailable, wire.about("says more than any login needs"));
    DialogStep step = dialog.line(*line);
    if (auto done = co_await perform(wire, dialog, step, allowance, deadline); !done)
      co_return Verdict::of(Kind::unavailable, done.error());
    if (step.kind != DialogStep::Kind::done) continue;
    if (dialog.verdict() != Kind::unavailable) co_return Verdict::of(dialog.verdict());
    co_return Verdict::of(Kind::unavailable, wire.about(dialog.reason()));
  }
}

Task<WireResult<>> DialogBackend::perform(Wire& wire, LoginDialog& dialog, DialogStep& step, Allowance& allowance,
                                          Instant deadline) {
  if (step.kind == DialogStep::Kind::start_tls) {
    if (auto started = co_await wire.start_tls(deadline); !started) co_return std::unexpected(started.error());
    step = dialog.tls_started();
  }
  if (step.kind == DialogStep::Kind::skip) {
    if (!allowance.take(step.bytes)) co_return std::unexpected(wire.about("says more than any login needs"));
    if (const auto skipped = co_await wire.bytes(step.bytes, deadline); !skipped)
      co_return std::unexpected(skipped.error());
  }
  if (step.send.empty()) co_return WireResult<>();
  CHECK(!step.secret || wire.in_tls() || clear_is_allowed(wire));
  const bool in_turn = dialog.answers_are_tagged() || wire.quiet();
  if (in_turn) wire.write(step.send);
  wipe_bytes(step.send.data(), step.send.size());
  if (in_turn) co_return WireResult<>();
  co_return std::unexpected(wire.about("said more than it was asked for, or hung up"));
}

Task<void> DialogBackend::say_goodbye(std::unique_ptr<Wire> wire, Slots::Slot slot, std::string goodbye) {
  // The slot is held to the end: a server counts the connection until then.
  const Slots::Slot held = std::move(slot);
  const Instant deadline = later(endpoint_.now(), kGoodbyeTimeout);
  if (wire->quiet()) {
    wire->write(goodbye);
    for (unsigned lines = 0; lines < kGoodbyeLinesMax; ++lines) {
      const auto line = co_await wire->line(deadline);
      if (!line || !line->starts_with('*')) break;
    }
  }
  co_await wire->close();
}

class DialogSource final : public BackendSource {
 public:
  DialogSource(EndpointSource source, MakeDialog make_dialog) : source_(std::move(source)), make_dialog_(make_dialog) {}
  [[nodiscard]] std::unique_ptr<Backend> on_core(const BackendParts& parts) override {
    return std::make_unique<DialogBackend>(parts, source_, make_dialog_);
  }

 private:
  EndpointSource source_;
  MakeDialog make_dialog_;
};

}  // namespace

std::expected<std::unique_ptr<BackendSource>, std::string> make_dialog_source(const BackendOptions& options,
                                                                              MakeDialog make_dialog) {
  auto source = EndpointSource::make(options);
  if (!source) return std::unexpected(source.error());
  return std::make_unique<DialogSource>(*std::move(source), make_dialog);
}

}  // namespace sluice::auth
