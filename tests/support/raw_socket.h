// A socket used by bare operations of the loop, without a connection around it: for tests of the platforms, and
// for peers that do what no connection of ours would.
// Owned by one test; its loop's thread only.  close() and idle() before it goes.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/io/loop.h"

namespace sluice::testing {

class RawSocket {
 public:
  RawSocket(io::Loop& loop, int socket) : loop_(loop), socket_(socket) {}
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;
  ~RawSocket() { EXPECT_TRUE(idle()); }

  // Opens one and connects it.
  static std::unique_ptr<RawSocket> connect(io::Loop& loop, const io::Address& peer) {
    auto self = std::make_unique<RawSocket>(loop, loop.platform().sockets.open(peer.family()).value());
    self->peer_ = peer;
    self->connect_ = loop.connect(self->socket_, &self->peer_, &on_connect, self.get());
    return self;
  }

  void receive(bool poll_first = false) {
    end.reset();
    receive_ = loop_.receive(socket_, poll_first, &on_receive, this);
  }
  void send(std::string text) {
    sent.reset();
    sending_ = std::move(text);
    send_ = loop_.send(socket_, sending_, &on_send, this);
  }
  void cancel_connect() { loop_.cancel(connect_, io::OperationKind::connect); }
  void cancel_receive() { loop_.cancel(receive_, io::OperationKind::receive); }
  void cancel_send() { loop_.cancel(send_, io::OperationKind::send); }
  void close() {
    if (socket_ >= 0) loop_.close(std::exchange(socket_, -1));
  }
  // Cancels everything, and closes when it has ended.
  void end_all() {
    closing_ = true;
    cancel_connect();
    cancel_receive();
    cancel_send();
    close_if_idle();
  }
  [[nodiscard]] bool idle() const { return !connect_ && !receive_ && !send_; }
  [[nodiscard]] int socket() const { return socket_; }

  std::string received;
  std::vector<std::size_t> pieces;  // how it came
  bool keep_buffers = false;        // instead of giving them back at once
  std::vector<Extent> kept;
  std::optional<int> end;        // how the last receive ended: 0 or -errno; a last piece does not count
  std::optional<int> sent;       // result of the last send
  std::optional<int> connected;  // likewise
  std::function<void()> on_change;

 private:
  static void on_connect(void* context, const io::Completion& completion) {
    auto& self = *static_cast<RawSocket*>(context);
    self.connect_ = {};
    self.connected = completion.result;
    self.notify();
  }
  static void on_receive(void* context, const io::Completion& completion) {
    auto& self = *static_cast<RawSocket*>(context);
    if (!completion.more) self.receive_ = {};
    if (completion.has_buffer) {
      const auto size = static_cast<std::uint32_t>(completion.result);
      Extent extent = self.loop_.buffers().take(completion.buffer, size);
      self.received += extent.view();
      self.pieces.push_back(size);
      if (self.keep_buffers) self.kept.push_back(std::move(extent));
      if (!completion.more && !self.closing_) self.receive();
    } else {
      EXPECT_FALSE(completion.more);
      self.end = completion.result;
    }
    self.notify();
  }
  static void on_send(void* context, const io::Completion& completion) {
    auto& self = *static_cast<RawSocket*>(context);
    EXPECT_FALSE(completion.more);
    self.send_ = {};
    self.sent = completion.result;
    self.notify();
  }
  void notify() {
    if (closing_) close_if_idle();
    if (on_change) on_change();
  }
  void close_if_idle() {
    if (idle()) close();
  }

  io::Loop& loop_;
  int socket_;
  io::Address peer_;
  std::string sending_;
  bool closing_ = false;
  io::OperationId connect_;
  io::OperationId receive_;
  io::OperationId send_;
};

// Accepts everything that comes.
class RawListener {
 public:
  RawListener(io::Loop& loop, const io::Address& address, const io::ListenOptions& options = {})
      : loop_(loop), socket_(loop.platform().sockets.listen(address, options).value()) {
    address_ = loop.platform().sockets.local(socket_);
    start();
  }
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;
  ~RawListener() { EXPECT_FALSE(accept_); }
  void start() { accept_ = loop_.accept(socket_, &on_accept, this); }
  void cancel() { loop_.cancel(accept_, io::OperationKind::accept); }
  void end_all() {
    closing_ = true;
    cancel();
    if (!accept_) close();
  }
  [[nodiscard]] const io::Address& address() const { return address_; }

  std::vector<std::unique_ptr<RawSocket>> accepted;
  std::optional<int> error;  // of the accept that ended

 private:
  static void on_accept(void* context, const io::Completion& completion) {
    auto& self = *static_cast<RawListener*>(context);
    if (!completion.more) self.accept_ = {};
    if (completion.result >= 0) {
      self.accepted.push_back(std::make_unique<RawSocket>(self.loop_, completion.result));
      if (!completion.more && !self.closing_) self.start();
    } else {
      self.error = completion.result;
    }
    if (self.closing_ && !self.accept_) self.close();
  }
  void close() {
    if (socket_ >= 0) loop_.close(std::exchange(socket_, -1));
  }

  io::Loop& loop_;
  int socket_;
  bool closing_ = false;
  io::Address address_;
  io::OperationId accept_;
};

}  // namespace sluice::testing
