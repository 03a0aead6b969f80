#include "engine/net/connection.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "engine/tls/certificates.h"

namespace sluice::net {

namespace {

// The operation ended without having failed: it may simply be started again.
bool interrupted(std::int32_t result) { return result == -EINTR || result == -EAGAIN; }

// Of files that a worker looks at for a handshake.  Shared by the two, as either may be over first.
struct CertificateSearch {
  AsyncEvent over;
  std::optional<std::optional<tls::CertificateStore::Found>> found;  // nothing within: there was no worker
};

Task<void> search_certificates(io::Loop& loop, tls::CertificateStore& store, std::string name,
                               std::shared_ptr<CertificateSearch> search) {
  search->found = co_await io::run_on_worker<tls::CertificateStore::Found>(
      loop, [&store, name = std::move(name)] { return store.find(name); }, "certificates");
  search->over.set();
}

}  // namespace

const char* io_status_text(IoStatus status) {
  switch (status) {
    case IoStatus::ok:
      return "ok";
    case IoStatus::end:
      return "connection closed";
    case IoStatus::timed_out:
      return "timed out";
    case IoStatus::cancelled:
      return "cancelled";
    case IoStatus::failed:
      return "connection failed";
  }
  return "?";
}

Connection::Connection(io::Loop& loop, int socket, const io::Address& peer)
    : Abortable(loop), loop_(loop), socket_(socket), peer_(peer) {
  starving_.context = this;
  starving_.resume = [](void* context) {
    auto& self = *static_cast<Connection*>(context);
    self.starved_ = false;
    if (!self.full()) self.arm_receive(/*poll_first=*/true);
  };
  if (loop.aborting()) terminate();
}

Connection::~Connection() { CHECK(state_ == State::closed); }

// ------------------------------------------------------------------------------------------ receiving

void Connection::arm_receive(bool poll_first) {
  if (receive_ || starved_ || ended_ || state_ != State::open) return;
  receive_ = loop_.receive(socket_, poll_first, &on_receive, this);
}

void Connection::pause_receive() {
  if (!receive_ || pausing_) return;
  pausing_ = true;
  loop_.cancel(receive_, io::OperationKind::receive);
}

void Connection::on_receive(void* context, const io::Completion& completion) {
  auto& self = *static_cast<Connection*>(context);
  if (!completion.more) {
    self.receive_ = {};
    self.pausing_ = false;
  }
  if (completion.has_buffer) {
    // Also after terminate(): the buffer is ours and must go back.
    const auto size = static_cast<std::uint32_t>(std::max(completion.result, 0));
    Extent extent = self.loop_.buffers().take(completion.buffer, size);
    if (size > 0 && self.state_ == State::open) self.received(std::move(extent));
  }
  if (completion.result == 0) {
    self.input_ended(0);
  } else if (completion.result == -ENOBUFS) {
    self.wait_for_buffer();
  } else if (completion.result < 0 && completion.result != -ECANCELED && !interrupted(completion.result)) {
    self.input_ended(-completion.result);
  } else if (!completion.more && self.reader_ != nullptr) {
    self.arm_receive(/*poll_first=*/false);
  }
  if (!completion.more) self.operation_ended();
}

// Not while full: each buffer that comes free would then be filled for a reader that does not read.  The next
// more() asks again.
void Connection::wait_for_buffer() {
  if (state_ != State::open || full()) return;
  starved_ = true;
  starving_.share = share_;
  loop_.buffers().wait_for_buffers(starving_);
}

void Connection::received(Extent extent) {
  counters_.bytes_received += extent.size;
  if (lingering_) {
    wake_reader(IoStatus::ok);
    return;
  }
  if (tls_ == nullptr) {
    if (loop_.buffers().scarce()) {
      input_.append_copy(extent.view());
    } else {
      input_.append(std::move(extent));
    }
  } else {
    const tls::TlsState state = tls_->feed(extent.view(), input_);
    flush_tls();
    if (state == tls::TlsState::closed) input_ended(0);
    if (state == tls::TlsState::failed) input_ended(EPROTO);
  }
  if (input_.size() >= kInputBytesHigh) pause_receive();
  wake_reader(IoStatus::ok);
}

void Connection::input_ended(int error) {
  ended_ = true;
  if (error != 0 && error_ == 0) error_ = error;
  wake_reader(IoStatus::ok);
}

// ------------------------------------------------------------------------------------------ waiting for input

bool Connection::MoreAwaiter::await_ready() {
  connection_.read_status_ = IoStatus::ok;
  if (connection_.fresh_ || connection_.ended_ || connection_.state_ != State::open) return true;
  connection_.arm_receive(/*poll_first=*/false);
  return false;
}

void Connection::MoreAwaiter::begin() {
  CHECK(connection_.reader_ == nullptr);
  connection_.reader_ = &waiter();
  connection_.read_deadline_ = later(connection_.loop_.now(), timeout_);
  connection_.arm_timer(connection_.read_deadline_);
}

IoStatus Connection::MoreAwaiter::await_resume() {
  Connection& c = connection_;
  if (std::exchange(c.reader_resumes_, false)) c.operation_ended();
  if (c.state_ != State::open) return IoStatus::cancelled;
  // What arrived before the end is still delivered first.
  if (std::exchange(c.fresh_, false)) return IoStatus::ok;
  if (c.ended_) return c.error_ != 0 ? IoStatus::failed : IoStatus::end;
  return c.read_status_;
}

void Connection::wake_reader(IoStatus status) {
  if (status == IoStatus::ok && !ended_) fresh_ = true;
  if (status == IoStatus::ok && ended_ && !input_.empty()) fresh_ = true;
  if (reader_ == nullptr) return;
  read_status_ = status;
  read_deadline_ = Instant::max();
  reader_resumes_ = true;
  std::exchange(reader_, nullptr)->ready(share_);
}

// ------------------------------------------------------------------------------------------ sending

void Connection::write(std::string_view bytes) {
  if (bytes.empty() || send_failed_ || state_ != State::open) return;
  if (tls_ == nullptr) {
    output_.append_copy(bytes);
    flush_soon();
  } else {
    tls_->write(bytes);
    flush_tls();
  }
}

void Connection::write(Chain&& bytes) {
  if (send_failed_ || state_ != State::open) {
    bytes.clear();
    return;
  }
  if (tls_ == nullptr) {
    output_.append(std::move(bytes));
    flush_soon();
    return;
  }
  while (!bytes.empty()) {
    const std::string_view piece = bytes.front();
    tls_->write(piece);
    bytes.consume(piece.size());
  }
  flush_tls();
}

void Connection::flush_tls() {
  output_.append(std::move(tls_->outgoing()));
  flush_soon();
}

// One send in flight; the next takes all that gathered meanwhile.
void Connection::flush() {
  if (send_ || output_.empty() || send_failed_ || state_ != State::open) return;
  const std::size_t count = std::min(output_.extents(), kVectors);
  std::size_t size = 0;
  for (std::size_t i = 0; i < count; ++i) size += output_[i].size;
  sending_.move_front(output_, size);
  CHECK(sending_.extents() <= kVectors);
  if (sending_.extents() == 1) {
    send_ = loop_.send(socket_, sending_.front(), &on_send, this);
    return;
  }
  for (std::size_t i = 0; i < sending_.extents(); ++i) {
    const Extent& extent = sending_[i];
    vectors_[i] = {.iov_base = extent.block->data + extent.offset, .iov_len = extent.size};
  }
  message_ = {};
  message_.msg_iov = vectors_.data();
  message_.msg_iovlen = sending_.extents();
  send_ = loop_.send(socket_, &message_, &on_send, this);
}

void Connection::on_send(void* context, const io::Completion& completion) {
  auto& self = *static_cast<Connection*>(context);
  CHECK(!completion.more);
  self.send_ = {};
  const bool failed = completion.result < 0 && !interrupted(completion.result);
  const auto sent = static_cast<std::size_t>(std::max(completion.result, 0));
  self.counters_.bytes_sent += sent;
  self.sending_.consume(sent);
  // A short send, interrupted: the rest goes first.
  if (Chain rest = std::move(self.sending_); !failed && !rest.empty()) {
    rest.append(std::move(self.output_));
    self.output_ = std::move(rest);
  }
  if (failed && self.state_ == State::open) {
    self.send_failed_ = true;
    self.error_ = -completion.result;
    self.output_.clear();
    self.wake_writer(IoStatus::failed);
    // The kernel reports a reset once, and here to the send: a receive that waits would never end by it.
    // Asked again it finds what had come before, and the end behind that.
    self.pause_receive();
  } else {
    self.flush_soon();
    if (self.unsent() <= self.writer_below_) self.wake_writer(IoStatus::ok);
  }
  self.operation_ended();
}

bool Connection::DrainedAwaiter::await_ready() {
  connection_.write_status_ = IoStatus::ok;
  return connection_.send_failed_ || connection_.state_ != State::open || connection_.unsent() <= bytes_;
}

void Connection::DrainedAwaiter::begin() {
  CHECK(connection_.writer_ == nullptr);
  connection_.writer_ = &waiter();
  connection_.writer_below_ = bytes_;
  connection_.write_deadline_ = later(connection_.loop_.now(), timeout_);
  connection_.arm_timer(connection_.write_deadline_);
}

IoStatus Connection::DrainedAwaiter::await_resume() {
  if (std::exchange(connection_.writer_resumes_, false)) connection_.operation_ended();
  if (connection_.state_ != State::open) return IoStatus::cancelled;
  if (connection_.send_failed_) return IoStatus::failed;
  return connection_.write_status_;
}

void Connection::wake_writer(IoStatus status) {
  if (writer_ == nullptr) return;
  write_status_ = status;
  write_deadline_ = Instant::max();
  writer_resumes_ = true;
  std::exchange(writer_, nullptr)->ready(share_);
}

// ------------------------------------------------------------------------------------------ deadlines

// Deadlines move with every wait, the timer does not: when it fires early it is armed again for the
// deadline that holds then.
void Connection::arm_timer(Instant deadline) {
  if (timer_.armed() && timer_at_ <= deadline) return;
  timer_at_ = deadline;
  loop_.timers().arm(timer_, deadline);
}

void Connection::on_timer(void* context) {
  auto& self = *static_cast<Connection*>(context);
  self.timer_at_ = Instant::max();
  const Instant now = self.loop_.now();
  if (self.reader_ != nullptr && self.read_deadline_ <= now) self.wake_reader(IoStatus::timed_out);
  if (self.writer_ != nullptr && self.write_deadline_ <= now) self.wake_writer(IoStatus::timed_out);
  const Instant next = std::min(self.reader_ != nullptr ? self.read_deadline_ : Instant::max(),
                                self.writer_ != nullptr ? self.write_deadline_ : Instant::max());
  if (next != Instant::max()) self.arm_timer(next);
}

// ------------------------------------------------------------------------------------------ TLS

Task<IoStatus> Connection::start_tls_server(tls::TlsContext& context, Duration timeout) {
  CHECK(tls_ == nullptr);
  tls_ = tls::TlsSession::server(context);
  // Behind a PROXY header the handshake may have begun already.
  for (Chain early = std::exchange(input_, Chain()); !early.empty();) {
    const std::string_view piece = early.front();
    tls_->feed(piece, input_);
    early.consume(piece.size());
  }
  flush_tls();
  return handshake(timeout);
}

Task<IoStatus> Connection::start_tls_client(tls::TlsClientContext& context, std::string_view server_name,
                                            Duration timeout) {
  CHECK(tls_ == nullptr && input_.empty());
  tls_ = tls::TlsSession::client(context, server_name);
  flush_tls();
  return handshake(timeout);
}

// Where no worker can be had, what was read before will do.
Task<IoStatus> Connection::find_certificates(Instant deadline) {
  tls::CertificateStore& store = tls_->certificate_store();
  const auto search = std::make_shared<CertificateSearch>();
  tls_->searches().add(search_certificates(loop_, store, std::string(tls_->sni()), search));
  io::Timer timer([](void* event) { static_cast<AsyncEvent*>(event)->set(); }, &search->over);
  loop_.timers().arm(timer, deadline);
  co_await search->over.wait("certificates");
  loop_.timers().disarm(timer);
  if (state_ != State::open) co_return IoStatus::cancelled;
  if (!search->found) co_return IoStatus::timed_out;
  auto found = *search->found;
  if (!found) found = store.find_loaded(tls_->sni(), /*however_old=*/true);
  tls_->certificates_found(found.value_or(nullptr));
  flush_tls();
  co_return IoStatus::ok;
}

Task<IoStatus> Connection::handshake(Duration timeout) {
  // The whole handshake has one deadline, so that a byte a minute does not keep it alive.
  const Instant deadline = later(loop_.now(), timeout);
  fresh_ = false;
  while (tls_->state() == tls::TlsState::handshaking) {
    if (tls_->needs_certificates()) {
      if (const IoStatus status = co_await find_certificates(deadline); status != IoStatus::ok) co_return status;
      continue;
    }
    const Duration left = deadline - loop_.now();
    if (left <= Duration::zero()) co_return IoStatus::timed_out;
    const IoStatus status = co_await more(left, "TLS handshake");
    if (status != IoStatus::ok) co_return status;
  }
  if (tls_->state() != tls::TlsState::open) co_return IoStatus::failed;
  if (!input_.empty()) fresh_ = true;
  co_return IoStatus::ok;
}

// ------------------------------------------------------------------------------------------ the end

Task<void> Connection::finish(Duration timeout, Duration linger) {
  if (tls_ != nullptr && state_ == State::open && !send_failed_) {
    tls_->close();
    flush_tls();
  }
  if (co_await drained(0, timeout, "last bytes to go out") != IoStatus::ok) co_return;
  if (linger <= Duration::zero()) co_return;
  loop_.platform().sockets.end_output(socket_);
  lingering_ = true;
  input_.clear();
  const Instant deadline = later(loop_.now(), linger);
  const std::uint64_t bytes_max = counters_.bytes_received + kLingerBytesMax;
  while (!ended_ && counters_.bytes_received < bytes_max) {
    const Duration left = deadline - loop_.now();
    if (left <= Duration::zero() || co_await more(left, "peer to close") != IoStatus::ok) co_return;
  }
}

void Connection::terminate() {
  if (state_ != State::open) return;
  state_ = State::terminating;
  if (receive_ && !pausing_) loop_.cancel(receive_, io::OperationKind::receive);
  if (send_) loop_.cancel(send_, io::OperationKind::send);
  if (starved_) {
    loop_.buffers().stop_waiting(starving_);
    starved_ = false;
  }
  loop_.timers().disarm(timer_);
  wake_reader(IoStatus::cancelled);
  wake_writer(IoStatus::cancelled);
}

void Connection::reset() {
  loop_.platform().sockets.reset_at_close(socket_);
  terminate();
}

void Connection::operation_ended() {
  if (joining_ && idle()) joined_.set();
}

Task<void> Connection::close() {
  CHECK(state_ == State::open || state_ == State::terminating);
  terminate();
  if (!idle()) {
    joining_ = true;
    co_await joined_.wait("operations to end");
    joining_ = false;
  }
  CHECK(idle() && reader_ == nullptr && writer_ == nullptr);
  state_ = State::joined;
  input_.clear();
  output_.clear();
  sending_.clear();
  loop_.close(socket_);
  state_ = State::closed;
}

// ------------------------------------------------------------------------------------------ connecting

class ConnectAwaiter final : public Awaiter<ConnectAwaiter>, private io::Abortable {
 public:
  ConnectAwaiter(io::Loop& loop, int socket, const io::Address& peer, Duration timeout, ConnectCancel* cancel)
      : Awaiter("connect"),
        Abortable(loop),
        loop_(loop),
        socket_(socket),
        peer_(peer),
        timeout_(timeout),
        cancel_(cancel) {}
  bool await_ready() {
    if (loop_.aborting()) result_ = ECANCELED;
    return loop_.aborting();
  }
  void begin() {
    id_ = loop_.connect(socket_, &peer_, &on_done, this);
    if (cancel_ != nullptr) {
      cancel_->loop_ = &loop_;
      cancel_->id_ = id_;
    }
    loop_.timers().arm(timer_, later(loop_.now(), timeout_));
  }
  [[nodiscard]] int await_resume() const { return result_; }

 private:
  void abort() override { loop_.cancel(id_, io::OperationKind::connect); }
  static void on_done(void* context, const io::Completion& completion) {
    auto& self = *static_cast<ConnectAwaiter*>(context);
    self.loop_.timers().disarm(self.timer_);
    if (self.cancel_ != nullptr) self.cancel_->loop_ = nullptr;
    self.result_ = -completion.result;
    if (self.expired_ && self.result_ == ECANCELED) self.result_ = ETIMEDOUT;
    self.wake();
  }
  static void expire(void* context) {
    auto& self = *static_cast<ConnectAwaiter*>(context);
    self.expired_ = true;
    self.loop_.cancel(self.id_, io::OperationKind::connect);
  }

  io::Loop& loop_;
  int socket_;
  io::Address peer_;
  Duration timeout_;
  ConnectCancel* cancel_;
  io::OperationId id_;
  io::Timer timer_{&expire, this};
  bool expired_ = false;
  int result_ = 0;
};

Task<std::expected<std::unique_ptr<Connection>, int>> Connection::connect(io::Loop& loop, const io::Address& peer,
                                                                          Duration timeout, ConnectCancel* cancel) {
  const auto socket = loop.platform().sockets.open(peer.family());
  if (!socket) co_return std::unexpected(socket.error());
  const int error = co_await ConnectAwaiter(loop, *socket, peer, timeout, cancel);
  if (error != 0) {
    loop.close(*socket);
    co_return std::unexpected(error);
  }
  co_return std::make_unique<Connection>(loop, *socket, peer);
}

}  // namespace sluice::net
