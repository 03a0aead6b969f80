// One listening socket of one core: accepts as long as it is open and hands each new socket to its owner.
// When descriptors run out it pauses instead of spinning, and goes on by itself.
// Owned by its core; that core's thread only.
#pragma once

#include <cstdint>
#include <functional>

#include "engine/base/task.h"
#include "engine/io/loop.h"

namespace sluice::net {

class Listener {
 public:
  // `accepted` is given every new socket and owns it from then on.  `failed` is given the errno where one could not be
  // accepted (EMFILE, say): the connection waits in the kernel's queue until there is room.
  Listener(io::Loop& loop, int socket, std::function<void(int socket)> accepted,
           std::function<void(int error)> failed = {});
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void start();
  // Stops accepting, waits for the operation, closes the socket.  Once.
  Task<void> close();

  [[nodiscard]] int last_error() const { return last_error_; }
  // For tests: how often it has paused.
  [[nodiscard]] std::uint64_t pauses() const { return pauses_; }

 private:
  static void on_accept(void* self, const io::Completion& completion);
  static void on_timer(void* self);

  io::Loop& loop_;
  int socket_;
  std::function<void(int socket)> accepted_;
  std::function<void(int error)> failed_;
  io::OperationId accept_;
  io::Timer timer_{&on_timer, this};
  bool closing_ = false;
  bool closed_ = false;
  int last_error_ = 0;
  std::uint64_t pauses_ = 0;
  AsyncEvent ended_;
};

}  // namespace sluice::net
