#include "tools/load/sink_session.h"

#include <algorithm>
#include <utility>

namespace sluice::load {
namespace {

constexpr Duration kIdle = std::chrono::minutes(10);
constexpr std::size_t kUnsentMax = 64 * 1024;
constexpr std::size_t kLineBytesMax = smtp::kAuthLineBytesMax + 2;

smtp::Reply refusal(std::uint16_t code) {
  const auto cls = static_cast<std::uint8_t>(code / 100);
  return {code, {cls, 7, 0}, "Refused on demand"};
}

}  // namespace

SinkSession::SinkSession(Sink& sink, net::Connection& connection)
    : sink_(sink), connection_(connection), machine_(sink.profile_, sink.options_.tls == SinkTls::implicit) {}

Task<void> SinkSession::run() {
  if (!co_await open()) co_return;
  for (;;) {
    Chain& input = connection_.input();
    smtp::Step step = machine_.step(input.front(), writer_);
    if (step.event == smtp::Event::need_more && step.consumed == 0 && input.extents() > 1)
      step = machine_.step(input.flatten_front(std::min(input.size(), kLineBytesMax)), writer_);
    // Views into the input hold until it is consumed.
    if (step.event == smtp::Event::mail) sender_ = machine_.mail().path.mailbox.local_part;
    if (step.event == smtp::Event::recipient) asked_.emplace_back(machine_.recipient().path.mailbox.local_part);
    input.consume(step.consumed);
    if (!co_await on_event(step.event)) co_return;
    if (out_.size() > kUnsentMax / 4) flush();
  }
}

Task<SinkSession::Order> SinkSession::order(SinkStage stage) {
  co_await delay(stage);
  co_return decide(stage);
}

Task<void> SinkSession::delay(SinkStage stage) {
  const Duration delay = sink_.options_.at(stage).delay;
  if (delay == Duration::zero()) co_return;
  // What was said before is not held back with it; the answer to EHLO is written already.
  if (stage != SinkStage::ehlo) flush();
  co_await sink_.loop_.sleep(delay, "a delay that was ordered");
}

SinkSession::Order SinkSession::decide(SinkStage stage) {
  StageOrders& orders = sink_.options_.at(stage);
  Order order{.reset = orders.reset.next()};
  if (!order.reset && orders.refuse.next()) order.refusal = refusal(orders.code);
  if (order.reset || order.refusal) {
    const std::lock_guard lock(sink_.mutex_);
    ++(order.reset ? sink_.state_.counters.resets : sink_.state_.counters.refusals);
  }
  return order;
}

bool SinkSession::end_by_reset() {
  reset_ = true;
  return false;
}

Task<bool> SinkSession::open() {
  if (sink_.options_.tls == SinkTls::implicit && !co_await start_tls()) co_return false;
  const Order order = co_await this->order(SinkStage::connect);
  if (order.reset) co_return end_by_reset();
  if (order.refusal) {
    machine_.refuse(*order.refusal, writer_);
    flush();
    co_return false;
  }
  machine_.greet(writer_);
  co_return true;
}

Task<bool> SinkSession::start_tls() {
  const net::IoStatus status = co_await connection_.start_tls_server(*sink_.tls_, kIdle);
  const std::lock_guard lock(sink_.mutex_);
  SinkCounters& counters = sink_.state_.counters;
  if (status != net::IoStatus::ok) {
    ++counters.tls_failed;
    co_return false;
  }
  ++(connection_.tls()->resumed() ? counters.tls_resumed : counters.tls_full);
  co_return true;
}

Task<bool> SinkSession::on_event(smtp::Event event) {
  switch (event) {
    case smtp::Event::need_more:
      if (machine_.outstanding() > 0) co_return co_await on_recipients();
      co_return co_await receive("a command");
    case smtp::Event::replied:
    case smtp::Event::recipient:
      co_return true;
    case smtp::Event::auth_cancelled:
      sasl_ = nullptr;
      co_return true;
    case smtp::Event::hello:
      co_return co_await on_hello();
    case smtp::Event::reset:
      end_transaction();
      co_return true;
    case smtp::Event::mail:
      co_return co_await on_mail();
    case smtp::Event::need_answers:
      co_return co_await on_recipients();
    case smtp::Event::data:
      co_return co_await on_data();
    case smtp::Event::chunk:
      co_return co_await on_chunk();
    case smtp::Event::start_tls:
      flush();
      connection_.input().clear();
      end_transaction();
      if (!co_await start_tls()) co_return false;
      machine_.tls_started();
      co_return true;
    case smtp::Event::auth:
      sasl_ = auth::find_mechanism(machine_.auth_mechanism())->make();
      co_return co_await on_auth(
          sasl_->start(machine_.has_auth_initial() ? std::optional(machine_.auth_response()) : std::nullopt));
    case smtp::Event::auth_response:
      co_return co_await on_auth(sasl_->respond(machine_.auth_response()));
    case smtp::Event::quit:
    case smtp::Event::close:
      flush();
      co_return false;
  }
  co_return false;
}

Task<bool> SinkSession::on_hello() {
  end_transaction();
  const Order order = co_await this->order(SinkStage::ehlo);
  co_return order.reset ? end_by_reset() : true;
}

Task<bool> SinkSession::on_mail() {
  end_transaction();
  const Order order = co_await this->order(SinkStage::mail);
  if (order.reset || order.refusal) refused({sender_}, order.refusal && order.refusal->permanent());
  if (order.reset) co_return end_by_reset();
  machine_.answer_mail(order.refusal.value_or(smtp::replies::kSenderOk), writer_);
  co_return true;
}

// All that came in one go wait for one delay.
Task<bool> SinkSession::on_recipients() {
  co_await delay(SinkStage::rcpt);
  for (std::string& local_part : std::exchange(asked_, {})) {
    const Order order = decide(SinkStage::rcpt);
    if (order.reset || order.refusal) refused({local_part}, order.refusal && order.refusal->permanent());
    if (order.reset) co_return end_by_reset();
    if (!order.refusal) recipients_.push_back(std::move(local_part));
    machine_.answer_recipient(order.refusal.value_or(smtp::replies::kRecipientOk), writer_);
  }
  co_return true;
}

Task<bool> SinkSession::on_data() {
  const Order order = co_await this->order(SinkStage::data);
  if (order.reset || order.refusal) refused(recipients_, order.refusal && order.refusal->permanent());
  if (order.reset) co_return end_by_reset();
  smtp::Reply reply = order.refusal.value_or(smtp::replies::kSendData);
  if (recipients_.empty()) reply = smtp::replies::kNoValidRecipients;
  machine_.answer_data(reply, writer_);
  if (reply.code() != 354) co_return true;
  check_.emplace(/*dot_stuffed=*/true);
  smtp::DataScanner scanner;
  Chain& input = connection_.input();
  for (;;) {
    while (!input.empty() && !scanner.ended()) {
      const std::string_view bytes = input.front();
      const smtp::DataScan scan = scanner.scan(bytes);
      check_->feed(scan.carried);
      check_->feed(bytes.substr(0, scan.content));
      input.consume(scan.consumed);
    }
    if (scanner.ended()) break;
    if (!co_await receive("content")) co_return false;
  }
  content_bytes_ = scanner.content_bytes();
  co_return co_await on_message();
}

Task<bool> SinkSession::on_chunk() {
  const smtp::ChunkCommand chunk = machine_.chunk();
  if (chunk.discard) co_return co_await discard_chunk(chunk.size);
  std::optional<smtp::Reply> no;
  if (!check_) {
    const Order order = co_await this->order(SinkStage::data);
    if (order.reset || order.refusal) refused(recipients_, order.refusal && order.refusal->permanent());
    if (order.reset) co_return end_by_reset();
    no = order.refusal;
    check_.emplace(/*dot_stuffed=*/false);
  }
  Chain& input = connection_.input();
  for (std::uint64_t left = chunk.size; left > 0;) {
    const std::string_view bytes =
        input.front().substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left, input.front().size())));
    if (bytes.empty()) {
      if (!co_await receive("a chunk")) co_return false;
      continue;
    }
    check_->feed(bytes);
    left -= bytes.size();
    content_bytes_ += bytes.size();
    input.consume(bytes.size());
  }
  if (chunk.last && !no) co_return co_await on_message();
  if (chunk.last) {
    machine_.answer_message(*no, writer_);
  } else {
    machine_.answer_chunk(no.value_or(smtp::replies::kChunkOk), writer_);
  }
  if (no) end_transaction();
  co_return true;
}

Task<bool> SinkSession::discard_chunk(std::uint64_t size) {
  Chain& input = connection_.input();
  for (;;) {
    const auto now = static_cast<std::size_t>(std::min<std::uint64_t>(size, input.size()));
    input.consume(now);
    size -= now;
    if (size == 0) break;
    if (!co_await receive("a refused chunk")) co_return false;
  }
  machine_.chunk_discarded(writer_);
  co_return true;
}

Task<bool> SinkSession::on_message() {
  const Order order = co_await this->order(SinkStage::content);
  if (order.reset || order.refusal) {
    refused(recipients_, order.refusal && order.refusal->permanent());
    end_transaction();
    if (order.reset) co_return end_by_reset();
    machine_.answer_message(*order.refusal, writer_);
    co_return true;
  }
  count_message();
  end_transaction();
  const Order last = co_await this->order(SinkStage::accepted);
  if (last.reset) co_return end_by_reset();
  machine_.answer_message(smtp::replies::kMessageTaken, writer_);
  co_return true;
}

void SinkSession::count_message() {
  const StampCheck::Verdict verdict = check_->verdict();
  const Stamp& stamp = check_->stamp();
  const Instant now = sink_.loop_.platform().clock.now();
  const std::lock_guard lock(sink_.mutex_);
  SinkState& state = sink_.state_;
  ++state.counters.messages;
  state.counters.bytes += content_bytes_;
  if (verdict == StampCheck::Verdict::no_stamp) return state.ledger.unreadable(recipients_);
  std::optional<Duration> took;
  if (stamp.boot == sink_.boot_ && now >= stamp.due) took = now - stamp.due;
  state.ledger.received(stamp.id, verdict == StampCheck::Verdict::intact, recipients_, took);
}

// By the number in the message, where that has come; else by those in the addresses.
void SinkSession::refused(const std::vector<std::string>& local_parts, bool for_good) {
  const std::lock_guard lock(sink_.mutex_);
  Ledger& ledger = sink_.state_.ledger;
  if (check_ && check_->verdict() != StampCheck::Verdict::no_stamp)
    return ledger.refused(check_->stamp().id, local_parts, for_good);
  for (const std::string& local_part : local_parts) ledger.refused(local_part, for_good);
}

void SinkSession::end_transaction() {
  asked_.clear();
  recipients_.clear();
  check_.reset();
  content_bytes_ = 0;
}

// Any name and password will do.
Task<bool> SinkSession::on_auth(auth::Step step) {
  if (step.kind == auth::SaslStep::challenge) {
    machine_.answer_auth_challenge(step.challenge, writer_);
    co_return true;
  }
  sasl_ = nullptr;
  const Order order = co_await this->order(SinkStage::auth);
  if (order.reset) co_return end_by_reset();
  const bool good = step.kind == auth::SaslStep::ready && !order.refusal;
  if (good) {
    const std::lock_guard lock(sink_.mutex_);
    ++sink_.state_.counters.logins;
  }
  machine_.answer_auth(good ? smtp::replies::kAuthOk : order.refusal.value_or(smtp::replies::kAuthFailed), writer_);
  co_return true;
}

Task<bool> SinkSession::receive(const char* what) {
  flush();
  if (connection_.unsent() > kUnsentMax &&
      co_await connection_.drained(kUnsentMax / 2, kIdle, "the client to read our replies") != net::IoStatus::ok)
    co_return false;
  co_return co_await connection_.more(kIdle, what) == net::IoStatus::ok;
}

void SinkSession::flush() {
  connection_.write(out_);
  out_.clear();
}

}  // namespace sluice::load
