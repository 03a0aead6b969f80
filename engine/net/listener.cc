#include "engine/net/listener.h"

#include <cerrno>

namespace sluice::net {
namespace {

// After EMFILE and its like: long enough for a session to end, short enough not to be noticed.
constexpr Duration kPause = std::chrono::milliseconds(100);

}  // namespace

Listener::Listener(io::Loop& loop, int socket, std::function<void(int socket)> accepted,
                   std::function<void(int error)> failed)
    : loop_(loop), socket_(socket), accepted_(std::move(accepted)), failed_(std::move(failed)) {}

Listener::~Listener() { CHECK(closed_); }

void Listener::start() {
  if (!closing_ && !accept_) accept_ = loop_.accept(socket_, &on_accept, this);
}

void Listener::on_accept(void* context, const io::Completion& completion) {
  auto& self = *static_cast<Listener*>(context);
  if (!completion.more) self.accept_ = {};
  if (completion.result >= 0) {
    // A connection that beat the cancel is closed, not kept.
    if (self.closing_) {
      self.loop_.close(completion.result);
    } else {
      self.accepted_(completion.result);
    }
  }
  if (completion.more) return;
  if (self.closing_) {
    self.ended_.set();
  } else if (completion.result < 0) {
    self.last_error_ = -completion.result;
    ++self.pauses_;
    if (self.failed_) self.failed_(self.last_error_);
    self.loop_.timers().arm(self.timer_, self.loop_.now() + kPause);
  } else {
    self.start();
  }
}

void Listener::on_timer(void* context) { static_cast<Listener*>(context)->start(); }

Task<void> Listener::close() {
  closing_ = true;
  loop_.timers().disarm(timer_);
  if (accept_) {
    loop_.cancel(accept_, io::OperationKind::accept);
    co_await ended_.wait("accept to end");
  }
  loop_.close(socket_);
  closed_ = true;
}

}  // namespace sluice::net
