// A stream connection, plain or TLS: what has arrived and was not yet used is a chain, what is to be sent
// is a chain, and a task can wait for either.
// Owned by its creator (a session, a pool); its core's thread only.  Its life goes open -> terminating
// -> joined -> closed: terminate() asks every operation to end and wakes all waiters with `cancelled`;
// close() waits until the last operation has ended and all waiters were resumed, and closes the socket.
// It is freed only when closed (checked).
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <memory>
#include <string_view>

#include "engine/base/buffer.h"
#include "engine/base/task.h"
#include "engine/io/loop.h"
#include "engine/tls/tls.h"

namespace sluice::net {

enum class IoStatus : std::uint8_t {
  ok,
  end,  // the peer has said all it will say
  timed_out,
  cancelled,  // terminate() was called
  failed,     // error() has the errno, or TLS failed
};

const char* io_status_text(IoStatus status);

struct ConnectionCounters {
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
};

// Ends a connect() that another one has overtaken.  The connect() still completes, with an error or with a connection.
class ConnectCancel {
 public:
  void cancel() {
    if (loop_ != nullptr) loop_->cancel(id_, io::OperationKind::connect);
  }

 private:
  friend class ConnectAwaiter;
  io::Loop* loop_ = nullptr;  // while the operation is under way
  io::OperationId id_;
};

class Connection final : private io::Abortable {
 public:
  enum class State : std::uint8_t { open, terminating, joined, closed };

  // More unread input than this stops receiving until it was used.
  static constexpr std::size_t kInputBytesHigh = 128 * 1024;
  // What finish() reads and drops.
  static constexpr std::uint64_t kLingerBytesMax = 4 * 1024 * 1024;
  // Extents that go out in one send.
  static constexpr std::size_t kVectors = 8;

  Connection(io::Loop& loop, int socket, const io::Address& peer);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Opens a connection to `peer`; the error is an errno (ETIMEDOUT where `timeout` passed, ECANCELED where `cancel`,
  // which may be null and outlives the task, was asked to end it).
  static Task<std::expected<std::unique_ptr<Connection>, int>> connect(io::Loop& loop, const io::Address& peer,
                                                                       Duration timeout,
                                                                       ConnectCancel* cancel = nullptr);

  // What has arrived (decrypted) and is not used yet.  Using it is consuming it.
  Chain& input() { return input_; }

  // Waits until something arrived since the last call returned.  `what` names the wait (a literal).
  class MoreAwaiter;
  MoreAwaiter more(Duration timeout, const char* what);

  // This one is a client's: abort_outgoing() does not end it.
  void set_incoming() { spare(); }
  // Whose turns of the core its tasks go on in from now on, and whose share of the receive buffers it waits for.  A
  // session's: its network's, and from the login on its customer's; a next hop's, that of the message.
  void set_share(CustomerShare share) { share_ = share; }

  // Ends a wait in more() with `ok`, though nothing has arrived.
  void wake() { wake_reader(IoStatus::ok); }

  // Receives although there is no waiter, so that ended() and input() tell what the peer did meanwhile.  A receive may
  // have ended on its own (no buffer was left, say): to be asked for again now and then.
  void watch() { arm_receive(/*poll_first=*/true); }

  // Queues bytes and starts sending them.  The caller need not wait; drained() says how far it got.
  void write(std::string_view bytes);
  void write(Chain&& bytes);
  // Waits until at most `bytes` are unsent.
  class DrainedAwaiter;
  DrainedAwaiter drained(std::size_t bytes, Duration timeout, const char* what);
  [[nodiscard]] std::size_t unsent() const { return output_.size() + sending_.size(); }

  // Goes on in TLS.  As a server, what is in input() is taken for the beginning of the handshake: drop what came in
  // plain first.  As a client, input() must be empty.  ok, or why not (then tls()->error() may say more).
  Task<IoStatus> start_tls_server(tls::TlsContext& context, Duration timeout);
  Task<IoStatus> start_tls_client(tls::TlsClientContext& context, std::string_view server_name, Duration timeout);
  [[nodiscard]] const tls::TlsSession* tls() const { return tls_.get(); }
  // The orderly end of what we have to say: all that is unsent goes out, close_notify where there is TLS (RFC
  // 8446 6.1), then FIN; `timeout` bounds it.  What the peer still sends is read and dropped until its own end, for at
  // most `linger` and kLingerBytesMax: a socket that is closed with unread bytes in it sends a reset, which can take
  // our last reply away again.  A `linger` of zero leaves the FIN to close().  close() is still due.
  Task<void> finish(Duration timeout, Duration linger);

  void terminate();
  // Likewise; close() then sends a reset, and nothing of what is unsent.
  void reset();
  // Terminates, waits for all operations, closes the socket.  Exactly once.
  Task<void> close();

  [[nodiscard]] State state() const { return state_; }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] int error() const { return error_; }
  [[nodiscard]] const io::Address& peer() const { return peer_; }
  // As the PROXY protocol tells it.
  void set_peer(const io::Address& peer) { peer_ = peer; }
  [[nodiscard]] const ConnectionCounters& counters() const { return counters_; }
  io::Loop& loop() { return loop_; }
  [[nodiscard]] int socket() const { return socket_; }

 private:
  void abort() override { terminate(); }

  void arm_receive(bool poll_first);
  void pause_receive();
  void wait_for_buffer();
  static void on_receive(void* self, const io::Completion& completion);
  void received(Extent extent);
  void input_ended(int error);
  void flush();
  void flush_tls();
  void flush_soon() { loop_.defer_start(flush_later_); }
  static void on_send(void* self, const io::Completion& completion);
  static void on_timer(void* self);
  void arm_timer(Instant deadline);
  void wake_reader(IoStatus status);
  void wake_writer(IoStatus status);
  void operation_ended();
  Task<IoStatus> handshake(Duration timeout);
  Task<IoStatus> find_certificates(Instant deadline);
  // More is unread than is kept for a reader that does not ask.
  [[nodiscard]] bool full() const { return reader_ == nullptr && input_.size() >= kInputBytesHigh; }
  [[nodiscard]] bool idle() const { return !receive_ && !send_ && !starved_ && !reader_resumes_ && !writer_resumes_; }

  io::Loop& loop_;
  int socket_;
  io::Address peer_;
  State state_ = State::open;
  bool fresh_ = false;  // something arrived since more() last returned
  bool ended_ = false;  // nothing more will arrive
  bool send_failed_ = false;
  bool starved_ = false;  // waits for a receive buffer
  bool pausing_ = false;  // the receive was asked to end because input_ is full
  bool joining_ = false;
  bool lingering_ = false;       // what arrives is dropped
  bool reader_resumes_ = false;  // woken, but it has not run yet
  bool writer_resumes_ = false;
  int error_ = 0;

  Chain input_;
  Chain output_;
  Chain sending_;
  msghdr message_{};
  std::array<iovec, kVectors> vectors_;
  io::OperationId receive_;
  io::OperationId send_;
  CustomerShare share_ = kOwnShare;
  io::BufferPool::Starved starving_;  // waits for a buffer while starved_

  PromiseBase* reader_ = nullptr;
  PromiseBase* writer_ = nullptr;
  IoStatus read_status_ = IoStatus::ok;
  IoStatus write_status_ = IoStatus::ok;
  std::size_t writer_below_ = 0;
  Instant read_deadline_ = Instant::max();
  Instant write_deadline_ = Instant::max();
  Instant timer_at_ = Instant::max();
  io::Timer timer_{&on_timer, this};
  // Sends start at the end of the turn: all that is written in one goes out in one.
  io::Deferred flush_later_{[](void* self) { static_cast<Connection*>(self)->flush(); }, this};
  AsyncEvent joined_;
  std::unique_ptr<tls::TlsSession> tls_;
  ConnectionCounters counters_;
};

class Connection::MoreAwaiter : public Awaiter<MoreAwaiter> {
 public:
  MoreAwaiter(Connection& connection, Duration timeout, const char* what)
      : Awaiter(what), connection_(connection), timeout_(timeout) {}
  [[nodiscard]] bool await_ready();
  void begin();
  IoStatus await_resume();

 private:
  Connection& connection_;
  Duration timeout_;
};

class Connection::DrainedAwaiter : public Awaiter<DrainedAwaiter> {
 public:
  DrainedAwaiter(Connection& connection, std::size_t bytes, Duration timeout, const char* what)
      : Awaiter(what), connection_(connection), bytes_(bytes), timeout_(timeout) {}
  [[nodiscard]] bool await_ready();
  void begin();
  IoStatus await_resume();

 private:
  Connection& connection_;
  std::size_t bytes_;
  Duration timeout_;
};

inline Connection::MoreAwaiter Connection::more(Duration timeout, const char* what) { return {*this, timeout, what}; }

inline Connection::DrainedAwaiter Connection::drained(std::size_t bytes, Duration timeout, const char* what) {
  return {*this, bytes, timeout, what};
}

}  // namespace sluice::net
