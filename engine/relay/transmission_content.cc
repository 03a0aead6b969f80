// The content of a transmission: whole in one segment with its envelope, or as it comes by DATA or BDAT; and what the
// next hop says to it.
#include <algorithm>
#include <utility>

#include "engine/relay/reply_meaning.h"
#include "engine/relay/transmission.h"
#include "engine/relay/words.h"

namespace sluice::relay {
namespace {

constexpr Duration kLastWordTimeout = std::chrono::seconds(2);
// A client waits meanwhile, and the next hop has nothing to do but to answer.
constexpr Duration kConfirmTimeout = std::chrono::seconds(30);
constexpr std::string_view kSpokeTooEarly = "a reply before its end";
// For a reply that is late to come, where it cannot be told from the message's once the content has ended.
constexpr Duration kSurplusWait = std::chrono::seconds(1);
constexpr std::uint16_t kAddressStatus = 1;  // RFC 3463 3.2

// It says itself that it answers MAIL or RCPT.
bool about_address(const RecipientResult& word) {
  return word.enhanced.present() && word.enhanced.subject == kAddressStatus;
}

}  // namespace

// ------------------------------------------------------------------------------------------ a small message

Task<Transmission::Halted> Transmission::send_whole() {
  if (Halted halted = fit_content()) co_return halted;
  if (Halted halted = co_await sign()) co_return halted;
  chunking_ = pool_.route().chunking && hop_->capabilities().chunking;
  if (late_ && chunking_ && hop_->capabilities().pipelining) co_return co_await send_all_at_once();
  if (Halted halted = co_await open_content()) co_return halted;
  if (over()) co_return std::nullopt;
  put_fields(chunk_);
  wire_.convert(gathered_.share(), chunk_);
  co_return co_await end_content();
}

// RFC 3030 4.2: BDAT may be pipelined, its bytes too.  Where no recipient was taken, the next hop refuses the chunk and
// eats its bytes (RFC 3030 2).
Task<Transmission::Halted> Transmission::send_all_at_once() {
  Chain content;
  put_fields(content);
  ContentForm(form_, /*chunks=*/true).convert(gathered_.share(), content);
  if (auto failure = hop_->spoke_unasked()) co_return halt(*std::move(failure));
  std::string text;
  append_envelope(text);
  hop_->machine().append_bdat(content.size(), /*last=*/true, text);
  stage_ = Stage::body;
  note_end_sent();
  const std::string behind = hop_->confirm_text();
  send_segment(text, std::move(content), behind);
  if (Halted halted = co_await read_envelope(/*but=*/behind.empty() ? 1 : 2)) co_return halted;
  co_return co_await read_final_reply();
}

// In one send, if it is no more than a small message.
void Transmission::send_segment(std::string_view text, Chain content, std::string_view behind) {
  Chain segment;
  segment.append_copy(text);
  segment.append(std::move(content));
  segment.append_copy(behind);
  if (segment.extents() > net::Connection::kVectors && segment.size() <= 2 * kGatherBytes) segment.compact();
  hop_->send(std::move(segment));
}

// ------------------------------------------------------------------------------------------ the beginning

// What comes before the content, as far as it was not said: the next hop then waits for it, or all is over.
Task<Transmission::Halted> Transmission::open_content() {
  if (content_ != Content::whole) {
    if (Halted halted = fit_content()) co_return halted;
    if (gather_on_) co_return std::nullopt;
    if (Halted halted = co_await sign()) co_return halted;
  }
  chunking_ = pool_.route().chunking && hop_->capabilities().chunking;
  wire_ = ContentForm(form_, chunking_);
  const bool data_too = late_ && !chunking_ && hop_->capabilities().pipelining;
  if (data_too) {
    if (auto failure = hop_->spoke_unasked()) co_return halt(*std::move(failure));
    // RFC 2920 3.1: DATA may be the last of a group.
    std::string text;
    append_envelope(text);
    hop_->machine().append_data(text);
    hop_->send(text);
    if (Halted halted = co_await read_envelope(/*but=*/1)) co_return halted;
  } else if (Halted halted = co_await say_envelope()) {
    co_return halted;
  }
  if (count(Kind::accepted) == 0 && !data_too) co_return co_await conclude_without_content();
  stage_ = Stage::body;
  if (chunking_) co_return std::nullopt;
  if (!data_too) {
    if (auto failure = hop_->spoke_unasked()) co_return halt(*std::move(failure));
    std::string text;
    hop_->machine().append_data(text);
    hop_->send(text);
  }
  co_return co_await read_data_reply();
}

Task<Transmission::Halted> Transmission::read_data_reply() {
  auto answered = co_await hop_->reply(pool_.route().data_timeout, "answer of the next hop to DATA");
  if (!answered) co_return halt(std::move(answered.error()));
  const smtp::ParsedReply& reply = hop_->last_reply();
  const bool go_ahead = reply.reply_class() == smtp::ReplyClass::intermediate;
  if (reply.code == 421 || reply.positive()) co_return halt_by_reply();
  if (count(Kind::accepted) > 0 && !go_ahead)
    co_return co_await conclude(result_of(smtp::Expect::data, reply), /*usable=*/true);
  if (count(Kind::accepted) > 0) co_return std::nullopt;
  if (go_ahead) co_return co_await end_empty_data();
  co_return co_await conclude_without_content();
}

// RFC 2920 3.1: "the client cannot assume that the DATA command will be rejected just because none of the RCPT TO
// commands worked.  If the DATA command was properly rejected the client SMTP can just issue RSET, but if the DATA
// command was accepted the client SMTP should send a single dot."
Task<Transmission::Halted> Transmission::end_empty_data() {
  hop_->send(".\r\n");
  hop_->machine().content_ended();
  auto answered = co_await hop_->reply(pool_.route().final_timeout, "answer of the next hop to nothing");
  if (!answered) co_return halt(std::move(answered.error()));
  co_return co_await conclude_without_content();
}

// ------------------------------------------------------------------------------------------ as it comes

// A CR goes on together with its LF: what is behind it may be refused, and then a stream that breaks off in a lone CR
// is what the next hop has of it.
Chain Transmission::hold_back_cr(Chain bytes) {
  Chain whole;
  if (std::exchange(cr_held_, false)) whole.append_copy("\r");
  whole.append(std::move(bytes));
  if (whole.empty() || whole[whole.extents() - 1].view().back() != '\r') return whole;
  cr_held_ = true;
  Chain before;
  before.move_front(whole, whole.size() - 1);
  return before;
}

Task<Transmission::Halted> Transmission::stream(Chain bytes) {
  if (Halted halted = fit_bytes(bytes)) co_return halted;
  if (!bytes.empty()) bytes = hold_back_cr(std::move(bytes));
  if (bytes.empty()) co_return std::nullopt;
  if (chunking_) {
    put_fields(chunk_);
    wire_.convert(std::move(bytes), chunk_);
    if (chunk_.size() >= kChunkBytes) co_return co_await send_chunk(/*last=*/false);
    co_return std::nullopt;
  }
  Chain out;
  put_fields(out);
  wire_.convert(std::move(bytes), out);
  hop_->send(std::move(out));
  const net::IoStatus status =
      co_await hop_->connection().drained(kWindowBytes, pool_.route().block_timeout, "the next hop to take the body");
  if (status != net::IoStatus::ok) co_return co_await lost_in_body(net::io_status_text(status));
  if (!hop_->connection().input().empty()) co_return co_await lost_in_body(kSpokeTooEarly);
  co_return std::nullopt;
}

// One chunk's answer is owed at a time: the next chunk gathers meanwhile.
Task<Transmission::Halted> Transmission::send_chunk(bool last) {
  if (hop_->machine().outstanding() > 0) {
    auto answered = co_await hop_->reply(pool_.route().block_timeout, "answer of the next hop to BDAT");
    if (!answered) co_return unanswered_content(std::move(answered.error()));
    const smtp::ParsedReply& reply = hop_->last_reply();
    if (reply.code == 421 || reply.reply_class() == smtp::ReplyClass::intermediate) co_return halt_by_reply();
    if (!reply.positive()) co_return co_await on_content_refused(smtp::Expect::chunk, /*usable=*/false);
  }
  if (auto failure = hop_->spoke_unasked()) co_return halt(*std::move(failure));
  std::string text;
  hop_->machine().append_bdat(chunk_.size(), last, text);
  if (last) note_end_sent();
  const std::string behind = last ? hop_->confirm_text() : std::string();
  send_segment(text, std::exchange(chunk_, Chain()), behind);
  co_return std::nullopt;
}

// The next hop may not know BDAT, or not in the middle of a segment: it is not asked in vain again and again.
Transmission::Halt Transmission::unanswered_content(hop::Failure failure) {
  Halt halted = halt(std::move(failure));
  if (chunking_) halted.lack = hop::Lack::chunking;
  return halted;
}

Task<Transmission::Halted> Transmission::on_content_refused(smtp::Expect command, bool usable) {
  const smtp::ParsedReply& reply = hop_->last_reply();
  RecipientResult result = result_of(command, reply);
  if (meaning_of(command, reply) != Meaning::extension || count(Kind::accepted) == 0)
    co_return co_await conclude(std::move(result), usable);
  // Nothing more is said on this connection: it may be reading the content as commands.
  result.kind = Kind::deferred;
  co_return Halt{.result = std::move(result), .lack = hop::Lack::chunking, .again = true};
}

// The connection broke, or the next hop spoke, while the body was on its way.  Who refuses a message in the middle says
// why before it hangs up: that word is the message's.  A 2xx is no command's.
Task<Transmission::Halted> Transmission::lost_in_body(std::string_view why) {
  hop_->machine().content_ended();
  auto answered = co_await hop_->reply(kLastWordTimeout, "last word of the next hop");
  if (answered && hop_->last_reply().code == 421) co_return halt_by_reply();
  if (answered && hop_->last_reply().code >= 400) {
    end_message(result_of(smtp::Expect::message, hop_->last_reply()), /*usable=*/false);
    co_return std::nullopt;
  }
  co_return halt({.reply = smtp::replies::kNextHopFailure,
                  .detail = hop_->label() + ": body: " + std::string(why),
                  .closed = true});
}

// ------------------------------------------------------------------------------------------ the end

void Transmission::note_end_sent() {
  end_sent_ = true;
  end_sent_at_ = pool_.loop().now();
}

Task<Transmission::Halted> Transmission::end_content() {
  if (std::exchange(cr_held_, false)) {
    Chain last;
    last.append_copy("\r");
    wire_.convert(std::move(last), chunk_);
  }
  if (seven_bit_) wire_.convert(seven_bit_->finish(), chunk_);
  if (chunking_) {
    if (Halted halted = co_await send_chunk(/*last=*/true); halted || over()) co_return halted;
  } else {
    // What is here before the end is out is no answer to it.
    waited_ = hop_->lacks(hop::Lack::last_word);
    if (!hop_->connection().input().empty() || (waited_ && co_await hop_->speaks_within(kSurplusWait)))
      co_return co_await lost_in_body(kSpokeTooEarly);
    Chain rest = std::exchange(chunk_, Chain());
    rest.append_copy(wire_.data_end());
    hop_->machine().content_ended();
    note_end_sent();
    // RFC 2920 3.1: the content may be the first of a group.
    const std::string behind = hop_->confirm_text();
    send_segment({}, std::move(rest), behind);
  }
  co_return co_await read_final_reply();
}

Task<Transmission::Halted> Transmission::read_final_reply() {
  auto answered = co_await hop_->reply(pool_.route().final_timeout, "the next hop to take the message");
  if (!answered) co_return unanswered_content(std::move(answered.error()));
  pool_.counters().final_reply.observe(pool_.loop().now() - end_sent_at_);
  const smtp::ParsedReply& reply = hop_->last_reply();
  if (reply.code == 421 || reply.reply_class() == smtp::ReplyClass::intermediate) co_return halt_by_reply();
  const smtp::Expect command = chunking_ ? smtp::Expect::chunk : smtp::Expect::message;
  if (!reply.positive()) co_return co_await on_content_refused(command, /*usable=*/true);
  RecipientResult result = result_of(command, reply);
  result.kind = Kind::taken;
  co_return co_await conclude(std::move(result), /*usable=*/true);
}

Task<Transmission::Halted> Transmission::conclude_without_content() {
  co_return co_await conclude(RecipientResult{}, /*usable=*/true);
}

// Whether what was said of the message is true, as far as the next hop is in step.
bool Transmission::stands(hop::InStep in_step, const RecipientResult& word, bool taken) const {
  switch (in_step) {
    case hop::InStep::yes:
      return !taken || !chunking_ || !about_address(word);
    case hop::InStep::unheard:
      return !taken || (!chunking_ && waited_);
    // 354 has shown whose the replies before were.  Without it, all of them have to be alike.
    case hop::InStep::too_many:
      return word.kind == Kind::taken && (!chunking_ || count(Kind::accepted) == written_);
    case hop::InStep::no:
      break;
  }
  return false;
}

// All that was said is answered, and `word` is the message's.  It counts if the dialog is in step: see the head of
// transmission.h.
Task<Transmission::Halted> Transmission::conclude(RecipientResult word, bool usable) {
  Duration timeout = pool_.route().command_timeout;
  if (request_.may_be_kept) timeout = std::min(timeout, kConfirmTimeout);
  const hop::InStep in_step = co_await hop_->confirm(timeout);
  const bool none_refused_it = count(Kind::accepted) > 0 && !mail_refused_;
  const bool taken = word.kind == Kind::taken && none_refused_it;
  if (taken && in_step == hop::InStep::unheard) pool_.note(*hop_, hop::Lack::last_word, "it closed or was silent");
  if (!stands(in_step, word, taken)) co_return in_doubt(*hop_);
  usable = usable && in_step == hop::InStep::yes;
  // No recipient was taken, and that was for a parameter.
  if (lack_found_ && count(Kind::accepted) == 0)
    co_return Halt{.result = mail_refused_ ? *mail_refused_ : results_.front(),
                   .unusable = true,
                   .lack = lack_found_,
                   .again = true};
  if (lack_found_) pool_.note(*hop_, *lack_found_, "refused with RCPT");
  if (mail_refused_) co_return Halt{.result = *mail_refused_, .unusable = !usable};
  if (none_refused_it) {
    end_message(std::move(word), usable);
  } else {
    end_without_recipients(usable);
  }
  co_return std::nullopt;
}

}  // namespace sluice::relay
