#include "tests/sim/network.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/base/check.h"

namespace sluice::sim {
namespace {

constexpr std::uint16_t kFirstPort = 32768;
constexpr unsigned kAttemptsMax = 6;

bool same_ip(const io::Address& a, const io::Address& b) { return std::ranges::equal(a.ip_bytes(), b.ip_bytes()); }

bool is_loopback(const io::Address& address) {
  const auto ip = address.ip_bytes();
  if (ip.size() == 4) return ip[0] == 127;
  return address.ip() == "::1";
}

bool is_any(const io::Address& address) {
  return std::ranges::all_of(address.ip_bytes(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

// ------------------------------------------------------------------------------------------ hosts

SimHost& SimNetwork::host(std::string_view ip) {
  for (const auto& host : hosts_)
    if (host->ip == ip) return *host;
  const auto address = io::Address::from_ip(ip, 0);
  if (!address) context_.broken("a simulated host's address is none");
  auto& host = *hosts_.emplace_back(std::make_unique<SimHost>());
  host.ip = ip;
  host.addresses.push_back(*address);
  host.first_descriptor = static_cast<int>(hosts_.size()) * 100'000;
  return host;
}

SimHost* SimNetwork::host_of(const io::Address& address, const SimHost& from) {
  for (const auto& host : hosts_) {
    if (is_loopback(address) && host.get() == &from) return host.get();
    for (const io::Address& own : host->addresses)
      if (same_ip(own, address)) return host.get();
  }
  return nullptr;
}

void SimNetwork::set_reachable(SimHost& host, bool reachable) {
  host.reachable = reachable;
  if (!reachable) return;
  for (const auto& [id, socket] : sockets_) {
    const SimSocket* other = find(socket->other);
    if (socket->host == &host || (other != nullptr && other->host == &host)) pump(*socket);
  }
}

std::size_t SimNetwork::descriptors_open(const SimHost& host) {
  const auto free = static_cast<std::size_t>(std::ranges::count(host.descriptors, std::uint64_t{0}));
  return host.descriptors.size() - free + host.files_open;
}

// ------------------------------------------------------------------------------------------ sockets

SimSocket* SimNetwork::find(std::uint64_t id) {
  const auto it = sockets_.find(id);
  return it == sockets_.end() ? nullptr : it->second.get();
}

SimSocket& SimNetwork::make_socket(SimHost& host, int family) {
  auto socket = std::make_unique<SimSocket>();
  socket->id = next_id_++;
  socket->host = &host;
  socket->family = family;
  return *sockets_.emplace(socket->id, std::move(socket)).first->second;
}

// The lowest that is free, as kernels do: what is used after its close soon means another socket.
std::expected<int, int> SimNetwork::give_descriptor(SimHost& host, SimSocket& socket) {
  if (descriptors_open(host) >= host.descriptors_max) return std::unexpected(EMFILE);
  auto free = std::ranges::find(host.descriptors, std::uint64_t{0});
  if (free == host.descriptors.end()) free = host.descriptors.insert(free, 0);
  *free = socket.id;
  hold(socket);
  return host.first_descriptor + static_cast<int>(free - host.descriptors.begin());
}

SimSocket& SimNetwork::socket(SimHost& host, int descriptor) {
  const auto index = static_cast<std::size_t>(descriptor - host.first_descriptor);
  if (descriptor < host.first_descriptor || index >= host.descriptors.size() || host.descriptors[index] == 0)
    context_.broken("a descriptor that is not open was used");
  return *find(host.descriptors[index]);
}

std::expected<int, int> SimNetwork::open(SimHost& host, int family) {
  if (const int error = context_.faults.fails(SimCall::open, host.ip); error != 0) return std::unexpected(error);
  if (descriptors_open(host) >= host.descriptors_max) return std::unexpected(EMFILE);
  return give_descriptor(host, make_socket(host, family));
}

std::expected<int, int> SimNetwork::listen(SimHost& host, const io::Address& address,
                                           const io::ListenOptions& options) {
  if (const int error = context_.faults.fails(SimCall::listen, host.ip); error != 0) return std::unexpected(error);
  if (descriptors_open(host) >= host.descriptors_max) return std::unexpected(EMFILE);
  if (!is_any(address) && host_of(address, host) != &host) return std::unexpected(EADDRNOTAVAIL);
  const std::uint16_t port = address.port() != 0 ? address.port() : take_port(host);
  const io::Address bound = io::Address::from_bytes(address.ip_bytes(), port);
  for (const auto& [id, other] : sockets_) {
    const bool clash = other->state == SimSocket::State::listening && other->host == &host &&
                       other->local.port() == port &&
                       (same_ip(other->local, bound) || is_any(other->local) || is_any(bound));
    if (clash && !(other->reuse_port && options.reuse_port)) return std::unexpected(EADDRINUSE);
  }
  SimSocket& socket = make_socket(host, address.family());
  socket.state = SimSocket::State::listening;
  socket.local = bound;
  socket.reuse_port = options.reuse_port;
  socket.backlog = static_cast<std::size_t>(std::max(options.backlog, 1));
  return give_descriptor(host, socket);
}

void SimNetwork::close(SimHost& host, int descriptor) {
  SimSocket& closed = socket(host, descriptor);
  host.descriptors[static_cast<std::size_t>(descriptor - host.first_descriptor)] = 0;
  release(closed);
}

void SimNetwork::release(SimSocket& socket) {
  CHECK(socket.holders > 0);
  if (--socket.holders == 0) retire(socket);
}

void SimNetwork::end_life(SimHost& host, bool silently) {
  const auto of_host = [&host](const auto& entry) { return entry.second->host == &host; };
  if (silently) {
    for (const auto& entry : sockets_) {
      if (!of_host(entry)) continue;
      entry.second->broken = true;
      entry.second->out.clear();
      entry.second->queue.clear();
    }
  }
  std::vector<std::uint64_t> open;
  open.swap(host.descriptors);
  for (const std::uint64_t id : open)
    if (SimSocket* socket = find(id)) release(*socket);
  // What waited to be accepted, and what was closed but not sent to its end yet.
  if (silently)
    std::erase_if(sockets_, [&](const auto& entry) { return of_host(entry) && entry.second->holders == 0; });
}

void SimNetwork::changed(SimSocket& socket) {
  for (const auto& [watcher, operation] : socket.watchers) watcher->socket_changed(operation);
}

// It has no holder any more.
void SimNetwork::retire(SimSocket& socket) {
  if (socket.state == SimSocket::State::listening) {
    for (const std::uint64_t queued : socket.queue) {
      if (SimSocket* lost = find(queued)) send_reset(*lost);
      sockets_.erase(queued);
    }
  }
  const bool flushes = socket.state == SimSocket::State::connected && !socket.broken;
  if (flushes && socket.in.empty()) {
    socket.orphan = true;
    socket.finished = true;
    pump(socket);
    return;
  }
  // RFC 2525, 2.17: bytes that will not be read are answered with a reset.
  if (flushes) send_reset(socket);
  sockets_.erase(socket.id);
}

// ------------------------------------------------------------------------------------------ connecting

void SimNetwork::connect(SimSocket& socket, const io::Address& address) {
  if (socket.state != SimSocket::State::fresh) context_.broken("connect on a socket that is in use");
  SimHost& host = *socket.host;
  socket.state = SimSocket::State::connecting;
  socket.peer = address;
  socket.connect_error = EINPROGRESS;
  const auto own = std::ranges::find(host.addresses, address.family(), &io::Address::family);
  const io::Address& from = is_loopback(address) ? address : own != host.addresses.end() ? *own : host.addresses[0];
  socket.local = io::Address::from_bytes(from.ip_bytes(), take_port(host));
  context_.timeline.after(context_.latency(), [this, id = socket.id] { knock(id, 0); });
}

std::uint16_t SimNetwork::take_port(SimHost& host) {
  host.next_port = std::max(host.next_port, kFirstPort);
  return host.next_port++;
}

int SimNetwork::connect_result(const SimSocket& socket) { return socket.connect_error; }

SimSocket* SimNetwork::listener_for(const SimHost& host, const io::Address& address) {
  std::vector<SimSocket*> found;
  for (const auto& [id, socket] : sockets_) {
    const bool matches = socket->state == SimSocket::State::listening && socket->host == &host &&
                         socket->local.port() == address.port() && socket->family == address.family() &&
                         (is_any(socket->local) || same_ip(socket->local, address));
    if (matches) found.push_back(socket.get());
  }
  return found.empty() ? nullptr : found[context_.random.below(found.size())];
}

// The first segment of a client arrives.
void SimNetwork::knock(std::uint64_t client_id, unsigned attempt) {
  SimSocket* client = find(client_id);
  if (client == nullptr) return;
  SimHost* host = host_of(client->peer, *client->host);
  const bool lost = host == nullptr || !host->reachable || !client->host->reachable;
  SimSocket* listener = lost ? nullptr : listener_for(*host, client->peer);
  if (!lost && listener == nullptr) {
    refuse(*client, ECONNREFUSED);
  } else if (lost || listener->queue.size() >= listener->backlog) {
    // No answer, for now: the client tries again after 1, 2, 4 ... seconds (tcp(7), tcp_syn_retries).
    if (attempt == kAttemptsMax) return refuse(*client, ETIMEDOUT);
    context_.timeline.after(std::chrono::seconds(1U << attempt),
                            [this, client_id, attempt] { knock(client_id, attempt + 1); });
  } else {
    establish(*client, *listener);
  }
}

void SimNetwork::refuse(SimSocket& client, int error) {
  context_.timeline.after(context_.latency(), [this, id = client.id, error] {
    SimSocket* refused = find(id);
    if (refused == nullptr) return;
    refused->connect_error = error;
    changed(*refused);
  });
}

void SimNetwork::establish(SimSocket& client, SimSocket& listener) {
  SimSocket& server = make_socket(*listener.host, listener.family);
  server.state = SimSocket::State::connected;
  server.local = client.peer;
  server.peer = client.local;
  server.other = client.id;
  for (SimStreamFault& fault : context_.faults.breaks(listener.host->ip))
    (fault.to_server ? client : server).breaks.push_back(fault);
  listener.queue.push_back(server.id);
  changed(listener);
  server.last_arrival = context_.timeline.now() + context_.latency();
  context_.timeline.at(server.last_arrival, [this, id = client.id, server_id = server.id] {
    SimSocket* connected = find(id);
    if (connected == nullptr) return lose(server_id, ECONNRESET);  // it gave up meanwhile
    connected->state = SimSocket::State::connected;
    connected->other = server_id;
    connected->connect_error = 0;
    changed(*connected);
    pump(*connected);
  });
  pump(server);
}

std::expected<int, int> SimNetwork::accept(SimHost& host, SimSocket& listener) {
  if (listener.queue.empty()) return std::unexpected(EAGAIN);
  if (const int error = context_.faults.fails(SimCall::accept, host.ip); error != 0) return std::unexpected(error);
  SimSocket* accepted = find(listener.queue.front());
  const auto descriptor = give_descriptor(host, *accepted);
  if (descriptor) listener.queue.pop_front();
  return descriptor;
}

}  // namespace sluice::sim
