// The part of a session that reads content: after DATA, to CRLF.CRLF; after BDAT, so many bytes.
#include <algorithm>
#include <utility>

#include "engine/session/session.h"

namespace sluice::session {
namespace {

// Why content must not go on, if it must not.
const smtp::StandardReply* content_fault(const smtp::ContentFlags& flags, const ListenerRules& rules) {
  if (flags.bare_cr || (flags.bare_lf && !rules.normalise_line_ends)) return &smtp::replies::kBareInMessage;
  if (flags.nul) return &smtp::replies::kNulInMessage;
  if (flags.long_line && !rules.long_lines) return &smtp::replies::kTextLineTooLong;
  return nullptr;
}

// With a bare LF in it, each line is copied; without, nothing is.
Chain normalised(smtp::LineEndNormaliser& line_ends, Chain content, bool any_bare_lf) {
  bool skipped = !any_bare_lf;
  for (std::size_t i = 0; skipped && i < content.extents(); ++i) skipped = line_ends.skip(content[i].view());
  if (skipped) return content;
  Chain out;
  while (!content.empty()) {
    const std::string_view input = content.front();
    const smtp::LineEndNormaliser::Step step = line_ends.step(input);
    out.append_copy(input.substr(0, step.copy));
    out.append_copy(step.insert);
    content.consume(step.copy);
  }
  return out;
}

}  // namespace

void Session::begin_content(message::BodyForm form) {
  transaction_->begin(form);
  pace_.restart();
  line_ends_.reset();
  bare_lfs_ = 0;
  if (rules_->normalise_line_ends) line_ends_.emplace(form == message::BodyForm::dot_stuffed);
}

// Messages of an account that was noticed wait for their turn before their content is asked for, so that meanwhile no
// next hop is kept waiting with them.  Where the turn is too far away, or the session is asked to end, the client is to
// try again.
Task<void> Session::take_turn() {
  const noticing::Turn turn = transaction_->turn();
  bool refused = turn.defer;
  if (turn.wait > Duration::zero() && !ending_) {
    flush();
    AsyncEvent over;
    io::Timer timer([](void* event) { static_cast<AsyncEvent*>(event)->set(); }, &over);
    services_.loop.timers().arm(timer, services_.loop.now() + turn.wait);
    turn_ = &over;
    co_await over.wait("the turn of an account that sends unusually much");
    refused = std::exchange(turn_, nullptr) == nullptr;
    services_.loop.timers().disarm(timer);
  }
  if (refused) co_await transaction_->refuse(smtp::replies::kSlowDown, std::string(smtp::replies::kSlowDown.text));
}

// Nothing of a piece goes on that holds what must not be in it: scanning goes on, to stay in step.
Task<void> Session::take_content(Chain content, const smtp::ContentFlags& flags) {
  if (const auto* fault = content_fault(flags, *rules_))
    co_await transaction_->refuse(*fault, std::string(fault->text));
  if (contained_) co_await refuse_contained();
  if (line_ends_) content = normalised(*line_ends_, std::move(content), flags.bare_lfs != bare_lfs_);
  bare_lfs_ = flags.bare_lfs;
  if (!content.empty()) co_await transaction_->write(std::move(content), flags.eight_bit);
}

Task<Session::Next> Session::on_data() {
  answering_ = {.command = "DATA"};
  if (machine_->recipients() == 0) {
    const std::string id = refused(smtp::replies::kNoValidRecipients);
    smtp::Reply reply(smtp::replies::kNoValidRecipients);
    reply.add_id(id);
    machine_->answer_data(reply, writer_);
    co_return Next::go_on;
  }
  co_await take_turn();
  machine_->answer_data(smtp::replies::kSendData, writer_);
  begin_content(message::BodyForm::dot_stuffed);
  smtp::DataScanner scanner(rules_->normalise_line_ends);
  Chain& input = connection_->input();
  for (;;) {
    Chain content;
    while (!input.empty() && !scanner.ended()) {
      const smtp::DataScan scan = scanner.scan(input.front());
      content.append_copy(scan.carried);
      content.move_front(input, scan.content);
      input.consume(scan.consumed - scan.content);
    }
    co_await take_content(std::move(content), scanner.flags());
    if (scanner.ended()) break;
    if (far_too_big()) {
      co_await finish_message();
      end(EndReason::content_surplus);
      co_return Next::end;
    }
    if (co_await receive_content("content") == Next::end) co_return Next::end;
  }
  co_await finish_message();
  co_return Next::go_on;
}

Task<Session::Next> Session::on_chunk() {
  const smtp::ChunkCommand chunk = machine_->chunk();
  if (chunk.discard) co_return co_await discard_chunk(chunk.size);
  if (!chunks_) {
    co_await take_turn();
    begin_content(message::BodyForm::literal);
    chunks_.emplace(rules_->normalise_line_ends);
  }
  Chain& input = connection_->input();
  std::uint64_t left = chunk.size;
  do {
    Chain content;
    content.move_front(input, static_cast<std::size_t>(std::min<std::uint64_t>(left, input.size())));
    left -= content.size();
    for (std::size_t i = 0; i < content.extents(); ++i) chunks_->check(content[i].view());
    if (left == 0 && chunk.last) chunks_->finish();
    co_await take_content(std::move(content), chunks_->flags());
    if (left > 0 && co_await receive_content("a chunk") == Next::end) co_return Next::end;
  } while (left > 0);
  if (chunk.last) {
    chunks_.reset();
    co_await finish_message();
  } else {
    // RFC 3030 2: each chunk has its own answer; the message is refused at its end.
    machine_->answer_chunk(smtp::replies::kChunkOk, writer_);
  }
  co_return Next::go_on;
}

// RFC 3030 2: a refused chunk's bytes come all the same.
Task<Session::Next> Session::discard_chunk(std::uint64_t size) {
  Chain& input = connection_->input();
  for (;;) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(size, input.size()));
    input.consume(n);
    size -= n;
    if (size == 0) break;
    if (co_await receive_content("a refused chunk") == Next::end) co_return Next::end;
  }
  answering_ = {.command = "BDAT"};
  machine_->chunk_discarded(writer_);
  // A transaction that failed with it is over for us, too.
  const smtp::ServerState state = machine_->state();
  if (state != smtp::ServerState::transaction && state != smtp::ServerState::chunks)
    co_await end_transaction("chunk_refused");
  co_return Next::go_on;
}

// What comes in the middle of a message has a deadline for each piece, and a pace for all of them.
Task<Session::Next> Session::receive_content(const char* what) {
  const Instant before = services_.loop.now();
  const std::size_t had = connection_->input().size();
  if (co_await receive(rules_->data_timeout, Wait::content, what, EndReason::content_timeout) == Next::end)
    co_return Next::end;
  const std::size_t came = connection_->input().size() - had;
  if (pace_.add(services_.loop.now() - before, came)) co_return Next::go_on;
  end(EndReason::content_too_slow);
  co_return Next::end;
}

bool Session::far_too_big() const {
  return transaction_->refused() &&
         transaction_->bytes() > rules_->profile.message_bytes_max + smtp::kContentSurplusBytesMax;
}

Task<void> Session::refuse_contained() {
  constexpr const auto& kReply = smtp::replies::kSendingSuspended;
  co_await transaction_->refuse(kReply, std::string(kReply.text));
}

Task<void> Session::finish_message() {
  if (contained_) co_await refuse_contained();
  smtp::Reply reply = co_await transaction_->commit();
  const std::string& id = transaction_->envelope().id;
  // A client that is about to be cut off, and whose message is not kept, hears one thing.
  const bool closing = cut_off_ && reply.transient();
  if (closing) reply = *end_reason_row(*ending_).reply;
  if (!reply.positive() && !closing) reply.add_id(id);
  if (closing) {
    end(*ending_);
  } else {
    machine_->answer_message(reply, writer_);
  }
  if (reply.positive()) {
    ++messages_;
    ++services_.counters.messages_taken;
  } else if (reply.transient()) {
    ++services_.counters.messages_deferred;
  } else {
    ++services_.counters.messages_refused;
  }
  MessageRecord record = message_record();
  record.code = reply.code();
  record.reply = reply.text();
  record.reply_sent = connection_->state() == net::Connection::State::open && connection_->error() == 0;
  if (!reply.positive()) {
    ++refusals_;
    ++services_.counters.refusals;
    record.reason = smtp::reason_name(reply.name());
  }
  services_.observer.message(record);
  transaction_ = nullptr;
}

}  // namespace sluice::session
