#include "tests/sim/ring.h"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <utility>

namespace sluice::sim {
namespace {

constexpr int kOver = ECONNRESET;  // of sockets, once the program is over

// After these a connection goes on; after any other error it is lost.
bool leaves_connection(int error) { return error == EINTR || error == EAGAIN || error == ENOMEM || error == ENOBUFS; }

}  // namespace

// ------------------------------------------------------------------------------------------ submitting

void SimRing::accept_multishot(io::Tag tag, int listener) {
  submitted_.push_back({.tag = tag, .kind = Kind::accept, .descriptor = listener, .multishot = true});
}

void SimRing::receive(io::Tag tag, int socket, bool multishot, bool poll_first) {
  submitted_.push_back(
      {.tag = tag, .kind = Kind::receive, .descriptor = socket, .multishot = multishot, .poll_first = poll_first});
}

void SimRing::send(io::Tag tag, int socket, const msghdr* message) {
  submitted_.push_back({.tag = tag, .kind = Kind::send, .descriptor = socket, .message = message});
}

void SimRing::send(io::Tag tag, int socket, const void* bytes, std::size_t size) {
  // iovec has no const; nothing is written.
  const iovec piece{.iov_base = const_cast<void*>(bytes), .iov_len = size};
  submitted_.push_back({.tag = tag, .kind = Kind::send, .descriptor = socket, .bytes = piece});
}

void SimRing::connect(io::Tag tag, int socket, const io::Address* address) {
  submitted_.push_back({.tag = tag, .kind = Kind::connect, .descriptor = socket, .address = address});
}

void SimRing::close(io::Tag tag, int descriptor) {
  submitted_.push_back({.tag = tag, .kind = Kind::close, .descriptor = descriptor});
}

void SimRing::write_file(io::Tag tag, int file, const void* bytes, std::size_t size, std::uint64_t offset,
                         bool durable) {
  const iovec piece{.iov_base = const_cast<void*>(bytes), .iov_len = size};
  submitted_.push_back(
      {.tag = tag, .kind = Kind::write_file, .descriptor = file, .bytes = piece, .offset = offset, .durable = durable});
}

void SimRing::read_file(io::Tag tag, int file, void* bytes, std::size_t size, std::uint64_t offset) {
  const iovec piece{.iov_base = bytes, .iov_len = size};
  submitted_.push_back({.tag = tag, .kind = Kind::read_file, .descriptor = file, .bytes = piece, .offset = offset});
}

void SimRing::cancel(io::Tag tag, io::Tag target) {
  submitted_.push_back({.tag = tag, .kind = Kind::cancel, .target = target});
}

void SimRing::provide_buffer(std::uint16_t id, char* data, std::uint32_t size) {
  if (id >= buffers_.size()) buffers_.resize(std::size_t{id} + 1);
  Buffer& buffer = buffers_[id];
  if (buffer.here) context_.broken("a receive buffer was given back twice");
  if (buffer.used > 0) std::memset(data, 0xdb, buffer.used);
  buffer = {.data = data, .size = size, .used = 0, .here = true};
  provided_.push_back(id);
}

void SimRing::submit() {
  std::vector<Operation> batch;
  batch.swap(submitted_);
  for (Operation& operation : batch) {
    const std::uint64_t key = next_key_++;
    if (!keys_.emplace(operation.tag, key).second) context_.broken("two operations have the same name");
    operations_.emplace(key, operation);
    begin(key);
  }
}

void SimRing::begin(std::uint64_t key) {
  Operation& operation = operations_.at(key);
  if (operation.kind == Kind::cancel) return begin_cancel(key, operation);
  if (operation.kind == Kind::close) return begin_close(key, operation);
  if (operation.kind == Kind::write_file || operation.kind == Kind::read_file) return begin_file(key, operation);
  if (operation.kind == Kind::send) operation.sum = checksum(operation);
  if (over()) {
    operation.ending = true;
    context_.timeline.after(context_.latency(), [this, key] { end(key, -kOver); });
    return;
  }
  operation.socket = &network_.socket(host_, operation.descriptor);
  network_.hold(*operation.socket);
  SimWatcher* const watcher = this;
  operation.socket->watchers.emplace_back(watcher, key);
  if (operation.kind == Kind::send) {
    for (const iovec& piece : pieces(operation)) operation.total += piece.iov_len;
    if (const int error = context_.faults.fails(SimCall::send, host_.ip); error != 0)
      return fail_send(key, operation, error);
  }
  if (operation.kind == Kind::connect) {
    if (const int error = context_.faults.fails(SimCall::connect, host_.ip); error != 0)
      return fail_later(key, operation, error);
    network_.connect(*operation.socket, *operation.address);
  }
  attempt(key);
}

// Whatever it says, the descriptor is gone: close(2).
void SimRing::begin_close(std::uint64_t key, const Operation& operation) {
  const int error = context_.faults.fails(SimCall::close, host_.ip);
  if (disk_.is_file(operation.descriptor)) {
    disk_.close(operation.descriptor);
  } else if (!over()) {
    network_.close(host_, operation.descriptor);
  }
  end(key, -error);
}

void SimRing::end_life() {
  std::vector<std::uint64_t> keys;
  for (const auto& [key, operation] : operations_)
    if (operation.socket != nullptr && !operation.ending) keys.push_back(key);
  for (const std::uint64_t key : keys) end(key, -kOver);
}

// A completion may beat the cancel; then the cancel finds nothing, or something that is ending already.
void SimRing::begin_cancel(std::uint64_t key, Operation& operation) {
  const auto found = keys_.find(operation.target);
  if (found != keys_.end() && context_.random.percent(30)) attempt(found->second);
  const auto target = keys_.find(operation.target);
  if (target == keys_.end()) return end(key, -ENOENT);
  const std::uint64_t target_key = target->second;
  const Operation& other = operations_.at(target_key);
  if (other.ending) return end(key, -EALREADY);
  end(target_key, other.done > 0 ? static_cast<std::int32_t>(other.done) : -ECANCELED);
  end(key, 0);
}

// ------------------------------------------------------------------------------------------ going on

void SimRing::socket_changed(std::uint64_t key) {
  const auto it = operations_.find(key);
  if (it != operations_.end()) make_runnable(key, it->second);
}

void SimRing::make_runnable(std::uint64_t key, Operation& operation) {
  if (std::exchange(operation.runnable, true)) return;
  runnable_.push_back(key);
}

void SimRing::run_operations() {
  std::vector<std::uint64_t> batch;
  batch.swap(runnable_);
  for (std::size_t i = batch.size(); i > 1; --i) std::swap(batch[i - 1], batch[context_.random.below(i)]);
  for (const std::uint64_t key : batch) {
    const auto it = operations_.find(key);
    if (it == operations_.end()) continue;
    it->second.runnable = false;
    attempt(key);
  }
}

void SimRing::attempt(std::uint64_t key) {
  Operation& operation = operations_.at(key);
  if (operation.ending) return;
  switch (operation.kind) {
    case Kind::accept:
      return try_accept(key, operation);
    case Kind::receive:
      return try_receive(key, operation);
    case Kind::send:
      return try_send(key, operation);
    case Kind::connect:
      return try_connect(key, operation);
    case Kind::close:
    case Kind::cancel:
    case Kind::write_file:
    case Kind::read_file:
      return;
  }
}

void SimRing::try_accept(std::uint64_t key, Operation& operation) {
  if (operation.socket->state != SimSocket::State::listening) context_.broken("accept on no listener");
  for (;;) {
    const auto accepted = network_.accept(host_, *operation.socket);
    if (accepted) {
      const bool more = !context_.random.percent(context_.options.early_end_percent);
      if (!more) return end(key, *accepted);
      tell(key, {.tag = operation.tag, .result = *accepted, .more = true});
    } else if (accepted.error() == EAGAIN && operation.socket->queue.empty()) {
      return;
    } else {
      return end_later(key, operation, -accepted.error());
    }
  }
}

void SimRing::try_receive(std::uint64_t key, Operation& operation) {
  // The kernel takes a buffer before it looks for bytes, unless it was asked to wait for them first.
  const bool asks_at_once = !std::exchange(operation.started, true) && !operation.poll_first;
  if (asks_at_once && provided_.empty()) return end(key, -ENOBUFS);
  while (receive_once(key, operation)) {
    if (!context_.random.percent(50)) continue;
    return make_runnable(key, operation);  // the rest another time
  }
}

// False when the operation has ended or nothing is there.
bool SimRing::receive_once(std::uint64_t key, Operation& operation) {
  SimSocket& socket = *operation.socket;
  const auto readable = SimNetwork::readable(socket);
  if (!readable && readable.error() == EAGAIN) return false;
  if (provided_.empty()) return end(key, -ENOBUFS), false;
  if (const int error = context_.faults.fails(SimCall::receive, host_.ip); error != 0)
    return fail_later(key, operation, error), false;
  if (!readable) return end(key, -SimNetwork::take_error(socket)), false;
  if (*readable == 0) return end(key, 0), false;

  const std::uint16_t id = provided_.front();
  provided_.pop_front();
  Buffer& buffer = buffers_[id];
  const std::size_t most = std::min<std::size_t>(*readable, buffer.size);
  const std::size_t size = context_.random.percent(75) ? most : context_.random.between(1, most);
  network_.read(socket, buffer.data, size);
  buffer.here = false;
  buffer.used = static_cast<std::uint32_t>(size);
  io::Completion completion{.tag = operation.tag,
                            .result = static_cast<std::int32_t>(size),
                            .more = operation.multishot && !context_.random.percent(context_.options.early_end_percent),
                            .has_buffer = true,
                            .buffer = id};
  if (!completion.more) return end(key, completion), false;
  tell(key, completion);
  return true;
}

void SimRing::try_send(std::uint64_t key, Operation& operation) {
  while (operation.done < operation.total) {
    const auto sent = network_.send(*operation.socket, rest(operation));
    if (sent && *sent == 0) return;  // no room
    if (!sent) return end(key, operation.done > 0 ? static_cast<std::int32_t>(operation.done) : -sent.error());
    operation.done += *sent;
  }
  end_later(key, operation, static_cast<std::int32_t>(operation.total));
}

void SimRing::try_connect(std::uint64_t key, Operation& operation) {
  const int error = SimNetwork::connect_result(*operation.socket);
  if (error != EINPROGRESS) end_later(key, operation, -error);
}

std::span<const iovec> SimRing::pieces(const Operation& operation) {
  if (operation.message == nullptr) return {&operation.bytes, 1};
  return {operation.message->msg_iov, operation.message->msg_iovlen};
}

std::string_view SimRing::rest(const Operation& operation) {
  std::size_t skip = operation.done;
  for (const iovec& piece : pieces(operation)) {
    if (skip < piece.iov_len)
      return std::string_view(static_cast<const char*>(piece.iov_base), piece.iov_len).substr(skip);
    skip -= piece.iov_len;
  }
  return {};
}

// As Fletcher's, of words of eight bytes and then of the bytes that are left: whole files go through it.
std::uint64_t SimRing::checksum(const Operation& operation) {
  std::uint64_t low = 1;
  std::uint64_t high = 0;
  for (const iovec& piece : pieces(operation)) {
    const auto* bytes = static_cast<const unsigned char*>(piece.iov_base);
    std::size_t at = 0;
    for (std::uint64_t word = 0; at + sizeof word <= piece.iov_len; at += sizeof word) {
      std::memcpy(&word, bytes + at, sizeof word);
      high += low += word;
    }
    for (; at < piece.iov_len; ++at) high += low += bytes[at];
  }
  return low ^ std::rotl(high, 24);
}

// ------------------------------------------------------------------------------------------ files

void SimRing::begin_file(std::uint64_t key, Operation& operation) {
  const bool writes = operation.kind == Kind::write_file;
  std::expected<SimDisk::Transfer, int> begun = std::unexpected(EIO);
  if (writes) {
    operation.sum = checksum(operation);
    if (!over()) begun = disk_.begin_write(operation.descriptor, operation.offset, rest(operation));
  } else if (!over()) {
    begun = disk_.begin_read(operation.descriptor, operation.offset, memory(operation));
  }
  operation.ending = true;
  const int error = begun ? 0 : begun.error();
  if (begun) operation.transfer = *std::move(begun);
  context_.timeline.after(context_.latency(), [this, key, error] { error != 0 ? end(key, -error) : end_file(key); });
}

void SimRing::end_file(std::uint64_t key) {
  const Operation& operation = operations_.at(key);
  if (over()) return end(key, -EIO);  // what became of it was decided then
  if (operation.kind == Kind::read_file) return end(key, disk_.end_read(operation.transfer, memory(operation)));
  check_memory(operation);
  end(key, disk_.end_write(operation.transfer, rest(operation), operation.durable));
}

std::span<std::byte> SimRing::memory(const Operation& operation) {
  return {static_cast<std::byte*>(operation.bytes.iov_base), operation.bytes.iov_len};
}

// ------------------------------------------------------------------------------------------ completing

// What was injected takes its time, so that trying again and again does not stop the clock.
void SimRing::fail_later(std::uint64_t key, Operation& operation, int error) {
  if (!leaves_connection(error)) network_.break_connection(*operation.socket, error);
  operation.ending = true;
  context_.timeline.after(context_.latency(), [this, key, error] { end(key, -error); });
}

// One that is interrupted has perhaps sent a part, and tells that instead.
void SimRing::fail_send(std::uint64_t key, Operation& operation, int error) {
  if (leaves_connection(error) && context_.random.percent(50)) {
    const std::string_view part = rest(operation).substr(0, context_.random.below(operation.total));
    operation.done = network_.send(*operation.socket, part).value_or(0);
  }
  if (operation.done == 0) return fail_later(key, operation, error);
  operation.ending = true;
  const auto sent = static_cast<std::int32_t>(operation.done);
  context_.timeline.after(context_.latency(), [this, key, sent] { end(key, sent); });
}

void SimRing::end_later(std::uint64_t key, Operation& operation, std::int32_t result) {
  if (!context_.random.percent(context_.options.late_percent)) return end(key, result);
  operation.ending = true;
  context_.timeline.after(context_.latency(), [this, key, result] { end(key, result); });
}

void SimRing::check_memory(const Operation& operation) const {
  const bool sends = operation.kind == Kind::send;
  if ((sends || operation.kind == Kind::write_file) && checksum(operation) != operation.sum)
    context_.broken(sends ? "memory of a send changed before its completion"
                          : "memory of a write changed before its completion");
}

void SimRing::tell(std::uint64_t key, const io::Completion& completion) { completed_[key].push_back(completion); }

void SimRing::end(std::uint64_t key, std::int32_t result) {
  end(key, io::Completion{.tag = operations_.at(key).tag, .result = result});
}

void SimRing::end(std::uint64_t key, const io::Completion& completion) {
  const Operation operation = operations_.at(key);
  check_memory(operation);
  operations_.erase(key);
  keys_.erase(operation.tag);
  tell(key, completion);
  if (operation.socket == nullptr) return;
  std::erase(operation.socket->watchers, std::pair<SimWatcher*, std::uint64_t>(this, key));
  network_.release(*operation.socket);
}

// Any order between operations, and perhaps not all of them yet.
std::size_t SimRing::collect(std::span<io::Completion> completions) {
  std::vector<std::uint64_t> keys;
  std::size_t total = 0;
  for (const auto& [key, queue] : completed_) {
    keys.push_back(key);
    total += queue.size();
  }
  std::size_t wanted = std::min(total, completions.size());
  if (wanted > 1 && context_.random.percent(context_.options.held_percent)) wanted = context_.random.between(1, wanted);
  for (std::size_t count = 0; count < wanted; ++count) {
    const std::size_t pick = context_.random.below(keys.size());
    const auto it = completed_.find(keys[pick]);
    const io::Completion completion = it->second.front();
    completions[count] = completion;
    context_.note({number_, completion.tag, static_cast<std::uint64_t>(completion.result),
                   std::uint64_t{completion.more} | std::uint64_t{completion.has_buffer} << 1 |
                       std::uint64_t{completion.buffer} << 2});
    it->second.pop_front();
    if (!it->second.empty()) continue;
    completed_.erase(it);
    keys[pick] = keys.back();
    keys.pop_back();
  }
  return wanted;
}

std::size_t SimRing::wait(Duration timeout, std::span<io::Completion> completions) {
  ++enters_;
  SimTimeline& timeline = context_.timeline;
  const Instant deadline = later(timeline.now(), timeout);
  for (;;) {
    timeline.advance(timeline.now());
    submit();
    run_operations();
    const std::size_t count = collect(completions);
    if (count > 0 || std::exchange(woken_, false) || timeline.now() >= deadline) return count;
    if (!can_go_on()) timeline.advance(std::min(timeline.next().value_or(deadline), deadline));
  }
}

}  // namespace sluice::sim
