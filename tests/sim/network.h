// A simulated TCP network: hosts with descriptor tables, listeners, and byte streams that arrive cut in
// random pieces after random delays, through buffers that fill up.
// Owned by its SimWorld; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/io/platform.h"
#include "tests/sim/context.h"

namespace sluice::sim {

// An operation that waits for something to change about a socket.
class SimWatcher {
 public:
  virtual void socket_changed(std::uint64_t operation) = 0;

 protected:
  ~SimWatcher() = default;
};

// Bytes in order, taken from the front.
class SimBytes {
 public:
  [[nodiscard]] std::size_t size() const { return bytes_.size() - used_; }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] std::string_view front(std::size_t size) const { return std::string_view(bytes_).substr(used_, size); }
  void append(std::string_view bytes) { bytes_.append(bytes); }
  void consume(std::size_t size) {
    used_ += size;
    if (used_ * 2 < bytes_.size()) return;
    bytes_.erase(0, used_);
    used_ = 0;
  }
  void clear() { *this = {}; }

 private:
  std::string bytes_;
  std::size_t used_ = 0;
};

struct SimHost {
  std::string ip;  // its first address
  std::vector<io::Address> addresses;
  std::vector<std::uint64_t> descriptors;  // socket ids; 0 is free
  std::size_t descriptors_max = 4096;
  int first_descriptor = 0;  // other hosts' numbers differ, so that a mix-up shows
  std::uint16_t next_port = 32768;
  std::size_t files_open = 0;  // of its disk; they are descriptors too
  bool reachable = true;
};

struct SimSocket {
  enum class State : std::uint8_t { fresh, listening, connecting, connected };
  std::uint64_t id = 0;
  SimHost* host = nullptr;
  State state = State::fresh;
  int family = 0;
  io::Address local;
  io::Address peer;
  unsigned holders = 0;  // descriptors and operations
  bool orphan = false;   // it has no holder any more; what was sent is still delivered
  std::vector<std::pair<SimWatcher*, std::uint64_t>> watchers;

  // listening
  bool reuse_port = false;
  std::size_t backlog = 0;
  std::deque<std::uint64_t> queue;  // connected, not accepted yet

  int connect_error = 0;  // connecting: refused, say

  // connected
  std::uint64_t other = 0;
  SimBytes in;  // arrived, not read yet
  bool in_ended = false;
  int error = 0;                // delivered once, to the first operation
  bool broken = false;          // reset: nothing more goes out
  SimBytes out;                 // sent, not under way yet
  std::uint64_t out_bytes = 0;  // that went under way so far
  std::size_t segments_under_way = 0;
  std::size_t bytes_under_way = 0;
  Instant last_arrival;
  bool finished = false;  // nothing more will be sent
  bool end_sent = false;
  bool stalled = false;
  std::vector<SimStreamFault> breaks;  // of what goes out
};

class SimNetwork {
 public:
  explicit SimNetwork(SimContext& context) : context_(context) {}

  SimHost& host(std::string_view ip);  // made when it is not there yet
  void set_reachable(SimHost& host, bool reachable);
  [[nodiscard]] static std::size_t descriptors_open(const SimHost& host);
  // All that runs on the host is over: its descriptors are closed, as a kernel does for a process that was killed.
  // `silently`: the machine has no power, and nobody is told.
  void end_life(SimHost& host, bool silently);

  // System calls; the error is an errno.
  std::expected<int, int> listen(SimHost& host, const io::Address& address, const io::ListenOptions& options);
  std::expected<int, int> open(SimHost& host, int family);
  void close(SimHost& host, int descriptor);
  SimSocket& socket(SimHost& host, int descriptor);

  // What operations do.  They hold a socket while they run.
  void hold(SimSocket& socket) { ++socket.holders; }
  void release(SimSocket& socket);
  std::expected<int, int> accept(SimHost& host, SimSocket& listener);  // EAGAIN, EMFILE
  void connect(SimSocket& socket, const io::Address& address);
  static int connect_result(const SimSocket& socket);                               // 0, EINPROGRESS or the error
  std::expected<std::size_t, int> send(SimSocket& socket, std::string_view bytes);  // 0: no room
  void end_output(SimSocket& socket);
  // How many bytes could be read, 0 at the end; EAGAIN, or an error that is delivered once.
  static std::expected<std::size_t, int> readable(const SimSocket& socket);
  void read(SimSocket& socket, char* to, std::size_t size);
  static int take_error(SimSocket& socket);
  // The connection is lost, with this error here and a reset there.
  void break_connection(SimSocket& socket, int error);

 private:
  SimSocket* find(std::uint64_t id);
  SimSocket& make_socket(SimHost& host, int family);
  std::expected<int, int> give_descriptor(SimHost& host, SimSocket& socket);
  SimHost* host_of(const io::Address& address, const SimHost& from);
  SimSocket* listener_for(const SimHost& host, const io::Address& address);
  static void changed(SimSocket& socket);
  void retire(SimSocket& socket);
  static std::uint16_t take_port(SimHost& host);
  void knock(std::uint64_t client_id, unsigned attempt);
  void establish(SimSocket& client, SimSocket& listener);
  void refuse(SimSocket& client, int error);
  void pump(SimSocket& from);
  void send_segment(SimSocket& from, std::size_t size);
  void arrive(std::uint64_t from_id, std::uint64_t to_id, const std::string& bytes);
  void send_end(SimSocket& from);
  void send_reset(SimSocket& from);
  void lose(std::uint64_t id, int error);
  void forget(std::uint64_t id);
  void apply_break(SimSocket& from);
  [[nodiscard]] Instant arrival_time(SimSocket& from);

  SimContext& context_;
  std::vector<std::unique_ptr<SimHost>> hosts_;
  std::map<std::uint64_t, std::unique_ptr<SimSocket>> sockets_;
  std::uint64_t next_id_ = 1;
};

}  // namespace sluice::sim
