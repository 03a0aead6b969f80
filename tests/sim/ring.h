// The simulated ring: operations on simulated sockets and files that complete late, in any order, in pieces, and
// sometimes just before their cancel, as the kernel's may.  It is stricter than a kernel: memory of a send
// or a write that changes before its completion, a buffer that is given twice or a descriptor that is not open stop
// the program, and a buffer that was given back is overwritten at once.
// Owned by its SimWorld; one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string_view>
#include <vector>

#include "engine/io/platform.h"
#include "tests/sim/context.h"
#include "tests/sim/disk.h"
#include "tests/sim/network.h"

namespace sluice::sim {

class SimRing final : public io::Ring, private SimWatcher {
 public:
  SimRing(SimContext& context, SimNetwork& network, SimHost& host, SimDisk& disk, std::uint64_t number)
      : context_(context), network_(network), host_(host), disk_(disk), life_(disk.life()), number_(number) {}
  SimRing(const SimRing&) = delete;
  SimRing& operator=(const SimRing&) = delete;

  void accept_multishot(io::Tag tag, int listener) override;
  void receive(io::Tag tag, int socket, bool multishot, bool poll_first) override;
  void send(io::Tag tag, int socket, const msghdr* message) override;
  void send(io::Tag tag, int socket, const void* bytes, std::size_t size) override;
  void connect(io::Tag tag, int socket, const io::Address* address) override;
  void close(io::Tag tag, int descriptor) override;
  void write_file(io::Tag tag, int file, const void* bytes, std::size_t size, std::uint64_t offset,
                  bool durable) override;
  void read_file(io::Tag tag, int file, void* bytes, std::size_t size, std::uint64_t offset) override;
  void cancel(io::Tag tag, io::Tag target) override;
  void provide_buffer(std::uint16_t id, char* data, std::uint32_t size) override;
  void submit() override;
  void give_way() override { ++ways_given_; }  // its files need no thread
  // With a timeout and nothing to do, time goes on: for a single loop that runs by itself.
  std::size_t wait(Duration timeout, std::span<io::Completion> completions) override;
  void wake() override { woken_ = true; }
  [[nodiscard]] std::uint64_t enters() const override { return enters_; }

  // A wait would have something to do, now.
  [[nodiscard]] bool can_go_on() const {
    return woken_ || !submitted_.empty() || !runnable_.empty() || !completed_.empty();
  }
  [[nodiscard]] std::uint64_t ways_given() const { return ways_given_; }
  [[nodiscard]] std::size_t operations() const { return operations_.size() + submitted_.size(); }
  [[nodiscard]] const SimHost& host() const { return host_; }
  // What it runs for is over: operations on sockets end with an error, as do all that are begun from now on.
  void end_life();

 private:
  enum class Kind : std::uint8_t { accept, receive, send, connect, close, cancel, write_file, read_file };
  struct Operation {
    io::Tag tag = 0;
    Kind kind = Kind::close;
    int descriptor = -1;
    bool multishot = false;
    bool poll_first = false;
    bool started = false;
    bool runnable = false;
    bool ending = false;  // its end is decided and comes later
    SimSocket* socket = nullptr;
    const msghdr* message = nullptr;
    iovec bytes{};  // where there is no message
    std::size_t total = 0;
    std::size_t done = 0;
    std::uint64_t sum = 0;
    const io::Address* address = nullptr;
    io::Tag target = 0;
    std::uint64_t offset = 0;
    bool durable = false;
    SimDisk::Transfer transfer;
  };
  struct Buffer {
    char* data = nullptr;
    std::uint32_t size = 0;
    std::uint32_t used = 0;  // bytes written when it was last filled
    bool here = false;
  };

  void socket_changed(std::uint64_t key) override;
  void make_runnable(std::uint64_t key, Operation& operation);
  void begin(std::uint64_t key);
  void run_operations();
  void attempt(std::uint64_t key);
  void try_accept(std::uint64_t key, Operation& operation);
  void try_receive(std::uint64_t key, Operation& operation);
  void try_send(std::uint64_t key, Operation& operation);
  void try_connect(std::uint64_t key, Operation& operation);
  bool receive_once(std::uint64_t key, Operation& operation);
  void begin_cancel(std::uint64_t key, Operation& operation);
  [[nodiscard]] bool over() const { return disk_.life() != life_; }
  void begin_close(std::uint64_t key, const Operation& operation);
  void begin_file(std::uint64_t key, Operation& operation);
  void end_file(std::uint64_t key);
  void fail_later(std::uint64_t key, Operation& operation, int error);
  void fail_send(std::uint64_t key, Operation& operation, int error);
  void end_later(std::uint64_t key, Operation& operation, std::int32_t result);
  void tell(std::uint64_t key, const io::Completion& completion);
  void end(std::uint64_t key, std::int32_t result);
  void end(std::uint64_t key, const io::Completion& completion);
  std::size_t collect(std::span<io::Completion> completions);
  [[nodiscard]] static std::span<const iovec> pieces(const Operation& operation);
  [[nodiscard]] static std::span<std::byte> memory(const Operation& operation);
  void check_memory(const Operation& operation) const;
  [[nodiscard]] static std::uint64_t checksum(const Operation& operation);
  [[nodiscard]] static std::string_view rest(const Operation& operation);

  SimContext& context_;
  SimNetwork& network_;
  SimHost& host_;
  SimDisk& disk_;
  std::uint64_t life_;  // of the disk's, in which it was made
  std::uint64_t number_;
  bool woken_ = false;
  std::uint64_t enters_ = 0;
  std::uint64_t ways_given_ = 0;
  std::uint64_t next_key_ = 1;
  std::vector<Operation> submitted_;
  std::map<std::uint64_t, Operation> operations_;
  std::map<io::Tag, std::uint64_t> keys_;
  std::vector<std::uint64_t> runnable_;
  // Completions to be delivered, by operation: its own completions stay in order.
  std::map<std::uint64_t, std::deque<io::Completion>> completed_;
  std::vector<Buffer> buffers_;  // by id
  std::deque<std::uint16_t> provided_;
};

}  // namespace sluice::sim
