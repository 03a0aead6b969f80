// The byte streams of the simulated network: what two connected sockets do to each other.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tests/sim/network.h"

namespace sluice::sim {
namespace {

constexpr std::size_t kSegmentsUnderWayMax = 64;

}  // namespace

std::expected<std::size_t, int> SimNetwork::send(SimSocket& socket, std::string_view bytes) {
  if (socket.state != SimSocket::State::connected) context_.broken("send on a socket that is not connected");
  if (socket.error != 0) return std::unexpected(take_error(socket));
  if (socket.broken) return std::unexpected(EPIPE);
  const std::size_t room =
      context_.options.send_buffer_bytes - std::min<std::size_t>(socket.out.size(), context_.options.send_buffer_bytes);
  const std::size_t size = std::min(room, bytes.size());
  socket.out.append(bytes.substr(0, size));
  pump(socket);
  return size;
}

void SimNetwork::end_output(SimSocket& socket) {
  if (socket.state != SimSocket::State::connected || socket.broken) return;
  socket.finished = true;
  pump(socket);
}

std::expected<std::size_t, int> SimNetwork::readable(const SimSocket& socket) {
  if (!socket.in.empty()) return socket.in.size();
  if (socket.error != 0) return std::unexpected(socket.error);
  if (socket.in_ended || socket.broken) return 0;
  return std::unexpected(EAGAIN);
}

void SimNetwork::read(SimSocket& socket, char* to, std::size_t size) {
  std::memcpy(to, socket.in.front(size).data(), size);
  socket.in.consume(size);
  if (SimSocket* other = find(socket.other)) pump(*other);  // there is room again
}

int SimNetwork::take_error(SimSocket& socket) { return std::exchange(socket.error, 0); }

// ------------------------------------------------------------------------------------------ segments

Instant SimNetwork::arrival_time(SimSocket& from) {
  from.last_arrival = std::max(from.last_arrival, context_.timeline.now() + context_.latency());
  return from.last_arrival;
}

// Sends on what the other side has room for.
void SimNetwork::pump(SimSocket& from) {
  if (from.state != SimSocket::State::connected || from.broken || from.stalled) return;
  const SimSocket* to = find(from.other);
  if (!from.host->reachable || (to != nullptr && !to->host->reachable)) return;
  const std::size_t before = from.out.size();
  while (!from.broken && !from.stalled) {
    if (!from.breaks.empty() && from.breaks.front().bytes <= from.out_bytes) {
      apply_break(from);
      continue;
    }
    const std::size_t taken = to != nullptr ? to->in.size() + from.bytes_under_way : 0;
    const std::size_t window =
        context_.options.receive_buffer_bytes - std::min<std::size_t>(taken, context_.options.receive_buffer_bytes);
    std::size_t size = std::min({from.out.size(), window, std::size_t{context_.options.segment_bytes_max}});
    if (!from.breaks.empty())
      size = static_cast<std::size_t>(std::min<std::uint64_t>(size, from.breaks.front().bytes - from.out_bytes));
    if (size == 0 || from.segments_under_way >= kSegmentsUnderWayMax) break;
    // Any cut is possible; most often it is a full segment.
    send_segment(from, context_.random.percent(50) ? size : context_.random.between(1, size));
  }
  if (from.out.empty() && from.finished && !from.end_sent && !from.broken && !from.stalled) send_end(from);
  if (from.out.size() < before) changed(from);
}

void SimNetwork::send_segment(SimSocket& from, std::size_t size) {
  std::string bytes(from.out.front(size));
  from.out.consume(size);
  from.out_bytes += size;
  from.bytes_under_way += size;
  ++from.segments_under_way;
  context_.timeline.at(arrival_time(from),
                       [this, id = from.id, to_id = from.other, text = std::move(bytes)] { arrive(id, to_id, text); });
}

void SimNetwork::arrive(std::uint64_t from_id, std::uint64_t to_id, const std::string& bytes) {
  SimSocket* from = find(from_id);
  if (from != nullptr) {
    from->bytes_under_way -= bytes.size();
    --from->segments_under_way;
  }
  SimSocket* to = find(to_id);
  if (to == nullptr || to->orphan || to->broken) {
    // There is no reader: the answer is a reset.
    if (to != nullptr && to->orphan) sockets_.erase(to_id);
    context_.timeline.after(context_.latency(), [this, from_id] { lose(from_id, ECONNRESET); });
    return;
  }
  to->in.append(bytes);
  changed(*to);
  if (from != nullptr) pump(*from);
}

void SimNetwork::send_end(SimSocket& from) {
  from.end_sent = true;
  context_.timeline.at(arrival_time(from), [this, id = from.id, to_id = from.other] {
    if (SimSocket* to = find(to_id)) {
      to->in_ended = true;
      changed(*to);
    }
    if (const SimSocket* gone = find(id); gone != nullptr && gone->orphan) sockets_.erase(id);
  });
}

// ------------------------------------------------------------------------------------------ resets

// What is under way arrives before it.
void SimNetwork::send_reset(SimSocket& from) {
  const SimSocket* to = find(from.other);
  if (to == nullptr || !from.host->reachable || !to->host->reachable) return;
  context_.timeline.at(arrival_time(from), [this, to_id = from.other] { lose(to_id, ECONNRESET); });
}

void SimNetwork::lose(std::uint64_t id, int error) {
  SimSocket* socket = find(id);
  if (socket == nullptr || socket->broken) return;
  socket->error = error;
  socket->broken = true;
  socket->out.clear();
  changed(*socket);
  if (socket->orphan) forget(id);
}

// A little later: the caller may be at work on it.
void SimNetwork::forget(std::uint64_t id) {
  context_.timeline.after(Duration::zero(), [this, id] { sockets_.erase(id); });
}

void SimNetwork::break_connection(SimSocket& socket, int error) {
  if (socket.state != SimSocket::State::connected || socket.broken) return;
  send_reset(socket);
  lose(socket.id, error);
  socket.error = 0;  // the caller delivers it
}

void SimNetwork::apply_break(SimSocket& from) {
  const SimStreamFault fault = from.breaks.front();
  from.breaks.erase(from.breaks.begin());
  switch (fault.what) {
    case SimBreak::reset:
      send_reset(from);
      lose(from.id, ECONNRESET);
      break;
    case SimBreak::end:
      send_end(from);
      lose(from.id, ECONNRESET);
      break;
    case SimBreak::stall:
      from.stalled = true;
      if (fault.stall == Duration::max()) break;
      context_.timeline.after(fault.stall, [this, id = from.id] {
        SimSocket* socket = find(id);
        if (socket == nullptr) return;
        socket->stalled = false;
        pump(*socket);
      });
      break;
  }
}

}  // namespace sluice::sim
