#include "engine/relay/transmission.h"

#include <algorithm>
#include <utility>

#include "engine/relay/reply_meaning.h"
#include "engine/relay/transmission_busy.h"
#include "engine/relay/words.h"

namespace sluice::relay {
namespace {

constexpr std::string_view kOutOfStep = "a reply too many or too few: whose they are cannot be told";
constexpr std::string_view kMaybeTaken = "lost after the end of the message; it may have been delivered: ";

}  // namespace

Transmission::Transmission(hop::Pool& pool, Request request)
    : pool_(pool), request_(std::move(request)), results_(request_.recipients.size()) {
  if (pool.route().identify != route::RouteIdentify::auth) return;
  // RFC 4954 5: "<>" says that the login is not known; it must not be said of one that is.
  auth_ = request_.who.login.empty() ? "<>" : smtp::encode_xtext(request_.who.login);
  if (auth_.size() > smtp::kAuthParameterBytesMax) auth_.clear();
}

Transmission::~Transmission() { CHECK(hop_ == nullptr); }

// ------------------------------------------------------------------------------------------ what is asked of it

Task<void> Transmission::ask(std::span<const std::uint32_t> recipients) {
  CHECK(content_ == Content::not_begun && (!late_ || results_.empty()));
  const Busy busy(*this);
  late_ = false;
  request_.recipients.insert(request_.recipients.end(), recipients.begin(), recipients.end());
  results_.resize(request_.recipients.size());
  if (over()) {
    settle(*last_word_);
  } else if (!recipients.empty()) {
    co_await attempt(&Transmission::say_envelope);
  }
}

Task<void> Transmission::begin(message::BodyForm form) {
  CHECK(content_ == Content::not_begun && !results_.empty());
  const Busy busy(*this);
  content_ = Content::gathered;
  form_ = form;
  if (late_ || over() || is_signed_whole()) co_return;
  if (Halted halted = co_await open_content()) end(*std::move(halted));
  if (over() || stage_ == Stage::body) content_ = Content::streamed;
}

Task<void> Transmission::feed(Chain bytes) {
  CHECK(content_ == Content::gathered || content_ == Content::streamed);
  if (over()) co_return;
  Busy busy(*this);
  busy.received(bytes.size());
  if (content_ == Content::gathered) {
    gather(std::move(bytes));
    if (is_signed_whole()) gather_max_ = std::max<std::size_t>(kGatherBytes, pool_.route().retain_bytes_max);
    if (gathered_.size() <= gather_max_) co_return;
    if (is_signed_whole()) end_unheld();
    if (over()) co_return;
    co_await sign_beforehand();
    co_await attempt(&Transmission::open_content);
    if (over() || stage_ != Stage::body) co_return;  // or more is gathered
    content_ = Content::streamed;
    bytes = std::exchange(gathered_, Chain());
  }
  if (Halted halted = co_await stream(std::move(bytes))) end(*std::move(halted));
}

// Small pieces must not pin a whole receive buffer each.
void Transmission::gather(Chain bytes) {
  if (gathered_.extents() < net::Connection::kVectors || bytes.pinned() <= 4 * bytes.size()) {
    gathered_.append(std::move(bytes));
    return;
  }
  for (std::size_t i = 0; i < bytes.extents(); ++i) gathered_.append_copy(bytes[i].view());
}

Task<void> Transmission::finish() {
  CHECK(content_ == Content::gathered || content_ == Content::streamed);
  if (over()) co_return;
  const Busy busy(*this);
  if (content_ == Content::gathered) {
    content_ = Content::whole;
    co_await sign_beforehand();
    co_await attempt(&Transmission::send_whole);
  } else if (Halted halted = co_await end_content()) {
    end(*std::move(halted));
  }
  CHECK(over() && hop_ == nullptr && count(Kind::accepted) == 0);
}

// In the middle of a body there is no way back into the dialog: such a connection is closed.  Elsewhere RSET goes in
// front of the next MAIL.
Task<void> Transmission::abandon() {
  give_back(stage_ != Stage::body);
  stage_ = Stage::ended;
  co_return;
}

// ------------------------------------------------------------------------------------------ attempts

Task<void> Transmission::attempt(Step step) {
  for (int tries = 0; !over();) {
    fresh_ = hop_ == nullptr;
    if (fresh_ && !co_await connect(/*fresh=*/tries == kStaleTriesMax || ask_anew_)) co_return;
    std::uint64_t replies_before = hop_->replies();
    Halted halted;
    if (fresh_) {
      halted = co_await introduce();
      if (!halted) replies_before = hop_->replies();
    }
    if (!halted) halted = co_await (this->*step)();
    if (!halted) co_return;
    if (try_another_host(*halted)) continue;
    if (try_without(*halted)) {  // at most once for each Lack
      give_back(/*usable=*/false);
      start_over();
      continue;
    }
    if (tries++ == kStaleTriesMax || !stale(*halted, replies_before)) {
      end(*std::move(halted));
      co_return;
    }
    give_back(/*usable=*/false);
    start_over();
  }
}

// RFC 5321 5.1: hosts of a destination differ in what they take (SIZE, SMTPUTF8): each is asked before it is a failure.
// What it said on a kept connection, some time ago, may not hold any more, and is no reason to refuse mail for good.
bool Transmission::try_another_host(const Halt& halt) {
  if (!halt.cannot_carry || !fresh_) return false;
  if (kept_) {
    ask_anew_ = true;
    give_back(/*usable=*/false);
    start_over();
    return true;
  }
  unable_.push_back(hop_->label());
  if (!pool_.any_but(unable_)) return false;
  give_back(/*usable=*/true);
  start_over();
  return true;
}

// Whether it was only the connection that was of no use: see the head of transmission.h.  A 421 to the first thing that
// is said on a kept connection is how some say that they closed it.
bool Transmission::stale(const Halt& halt, std::uint64_t replies_before) const {
  if (!fresh_ || !kept_ || !halt.closed) return false;
  const std::uint64_t farewell = halt.result.code == 421 ? 1 : 0;
  return end_sent_ ? hop_->replies() == replies_before + farewell : answered_ == 0;
}

// Whether the next hop only did not do what it offered, and the message is to be sent again without that.
bool Transmission::try_without(const Halt& halt) {
  if (!halt.lack || !halt.again || !fresh_ || content_ == Content::streamed) return false;
  if (std::ranges::find(without_, *halt.lack) != without_.end()) return false;
  without_.push_back(*halt.lack);
  // BDAT was named; a parameter is only suspected.
  if (*halt.lack == hop::Lack::chunking) {
    pool_.note(*hop_, *halt.lack, halt.result.text);
  } else {
    unproved_ = true;
  }
  return true;
}

void Transmission::start_over() {
  std::ranges::fill(results_, RecipientResult{});
  mail_refused_.reset();
  failure_reply_.reset();
  lack_found_.reset();
  session_failure_ = false;
  mail_accepted_ = false;
  stage_ = Stage::idle;
  end_sent_ = false;
  written_ = 0;
  answered_ = 0;
  fields_out_ = false;
  chunk_.clear();
}

// ------------------------------------------------------------------------------------------ results

void Transmission::end(Halt halt) {
  if (halt.doubt) {
    std::ranges::fill(results_, RecipientResult{});
    // What was sent whole may be taken each time that it is sent.
    if (end_sent_ && hop_ != nullptr)
      for (const hop::Lack lack : {hop::Lack::pipelining, hop::Lack::chunking})
        pool_.note(*hop_, lack, halt.result.text);
  } else if (mail_refused_) {
    halt.result = *mail_refused_;
  }
  if (halt.lack && !unproved_ && hop_ != nullptr) pool_.note(*hop_, *halt.lack, halt.result.text);
  const int said = halt.result.code / 100;
  if (end_sent_ && said != 4 && said != 5) {
    maybe_taken_ = true;
    halt.result.text = bounded_words(std::string(kMaybeTaken) + halt.result.text);
  }
  settle(halt.result);
  note(halt.result, std::move(halt.detail));
  give_back(!halt.unusable);
  stage_ = Stage::ended;
}

// The next hop has spoken about the message, and those whom it did not take more of are still to be asked.
void Transmission::end_message(RecipientResult result, bool usable) {
  for (RecipientResult& each : results_)
    if (each.kind == Kind::accepted) each = result;
  note(result);
  last_word_ = std::move(result);
  give_back(usable);
  stage_ = Stage::ended;
}

// All recipients were refused: the first one's word stands for all.
void Transmission::end_without_recipients(bool usable) {
  const auto it = std::ranges::find_if(results_, [](const auto& each) { return each.kind != Kind::unasked; });
  end_message(it != results_.end() ? *it : RecipientResult{}, usable);
}

// For everybody of whom nothing final was said.
void Transmission::settle(const RecipientResult& result) {
  for (RecipientResult& each : results_)
    if (each.kind == Kind::unasked || each.kind == Kind::accepted) each = result;
  last_word_ = result;
}

void Transmission::note(const RecipientResult& result, std::string detail) {
  code_ = result.code;
  detail_ = std::move(detail);
  if (detail_.empty())
    detail_ = result.code != 0 ? hop::Response{result.code, result.enhanced, result.text}.words() : result.text;
  gathered_.clear();
  chunk_.clear();
}

void Transmission::give_back(bool usable) {
  if (hop_ == nullptr) return;
  if (!usable || session_failure_ || unproved_) hop_->give_up();
  pool_.release(std::move(hop_));
}

std::size_t Transmission::count(Kind kind) const {
  return static_cast<std::size_t>(std::ranges::count(results_, kind, &RecipientResult::kind));
}

Transmission::Halt Transmission::halt(hop::Failure failure) {
  failure_reply_ = std::move(failure.reply);
  Halt halt{.result = {.kind = Kind::deferred, .text = bounded_words(failure.detail)},
            .closed = failure.closed,
            .doubt = hop_ != nullptr && hop_->out_of_step()};
  if (failure.said.code != 0) {
    halt.detail = std::move(halt.result.text);
    halt.result.code = failure.said.code;
    halt.result.enhanced = failure.said.enhanced;
    halt.result.text = bounded_words(failure.said.text);
    next_hop_ = std::move(failure.host);
  }
  return halt;
}

Transmission::Halt Transmission::in_doubt(const hop::NextHop& hop) {
  return {.result = {.kind = Kind::deferred, .text = bounded_words(hop.label() + ": " + std::string(kOutOfStep))},
          .doubt = true};
}

// 421 is the end of the connection, 3xx where it makes no sense and the like the end of all trust in it.
Transmission::Halt Transmission::halt_by_reply() const {
  const smtp::ParsedReply& reply = hop_->last_reply();
  return {.result = {.kind = Kind::deferred,
                     .code = reply.code,
                     .enhanced = reply.enhanced,
                     .text = bounded_words(reply.text)},
          .closed = hop_->machine().closing(),
          .doubt = reply.code != 421};
}

// A 5xx that is not about what was asked is for now.
RecipientResult Transmission::result_of(smtp::Expect command, const smtp::ParsedReply& reply) {
  // What was pipelined behind a refusal is out of sequence by that alone.
  const bool content = command != smtp::Expect::mail && command != smtp::Expect::recipient;
  const bool follows = mail_refused_ || (content && count(Kind::accepted) == 0);
  const bool of_session = !reply.positive() && !follows && meaning_of(command, reply) == Meaning::session;
  session_failure_ = session_failure_ || of_session;
  Kind kind = Kind::deferred;
  if (reply.positive()) kind = Kind::accepted;
  if (reply.reply_class() == smtp::ReplyClass::permanent && !of_session) kind = Kind::refused;
  return {.kind = kind,
          .code = reply.code,
          .enhanced = reply.enhanced,
          .text = bounded_words(reply.text),
          .of_recipient = is_of_recipient(command, reply)};
}

smtp::Reply Transmission::reply_for(const RecipientResult& result) const {
  switch (result.kind) {
    case Kind::unasked:
      return smtp::replies::kTooManyRecipients;
    case Kind::accepted:
      return smtp::replies::kRecipientOk;
    case Kind::taken:
    case Kind::refused:
      break;
    case Kind::deferred:
      if (result.code / 100 != 4) return failure_reply_.value_or(smtp::Reply(smtp::replies::kNextHopFailure));
      break;
  }
  return smtp::Reply::relayed(result.code, result.enhanced, result.text);
}

}  // namespace sluice::relay
