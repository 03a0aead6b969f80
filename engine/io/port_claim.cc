#include "engine/io/port_claim.h"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <span>
#include <sstream>
#include <string_view>
#include <vector>

namespace sluice::io {
namespace {

// A killed process' sockets are gone within this.
constexpr int kTries = 100;
constexpr timespec kPause{.tv_sec = 0, .tv_nsec = 20'000'000};

std::expected<int, int> bind_to(const Address& address) {
  Descriptor fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) return std::unexpected(errno);
  const int on = 1;
  // Connections of an earlier process that linger (TIME_WAIT) are no hindrance; one that listens is.
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.family() == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd.get(), address.data(), address.size()) != 0) return std::unexpected(errno);
  return fd.release();
}

// Listens without sharing, and lets our own share with it from then on: the same fails for any other process.
std::expected<int, int> listen_alone(const Address& address) {
  const auto bound = bind_to(address);
  if (!bound) return bound;
  Descriptor fd(*bound);
  if (::listen(fd.get(), 0) != 0) return std::unexpected(errno);
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  return fd.release();
}

std::string claim_fault(const Address& address, int error, const ListeningProcess& holder) {
  std::string sentence = "cannot listen on " + address.to_string() + ": " + std::strerror(error);
  if (error == EACCES) sentence += "; ports below 1024 need root or CAP_NET_BIND_SERVICE";
  if (!holder.text.empty()) sentence += ", by " + holder.text;
  return sentence;
}

// Binds a socket that would share, and closes it: see refuse_others().
void bind_and_close(const Address& address) {
  const Descriptor fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (address.family() == AF_INET6) {
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof on);
  } else {
    setsockopt(fd.get(), IPPROTO_IP, IP_FREEBIND, &on, sizeof on);
  }
  static_cast<void>(::bind(fd.get(), address.data(), address.size()));
}

bool is_any(std::span<const std::uint8_t> ip) {
  return std::ranges::all_of(ip, [](std::uint8_t byte) { return byte == 0; });
}

// Whether what listens at `found` is in the way of a listener at `wanted`.  IPv6 may be for both families, where a
// process has not said otherwise; ours have (IPV6_V6ONLY).
bool is_in_the_way(std::span<const std::uint8_t> found, std::span<const std::uint8_t> wanted) {
  if (found.size() == wanted.size()) return std::ranges::equal(found, wanted) || is_any(found) || is_any(wanted);
  if (found.size() < wanted.size()) return false;
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // RFC 4291 2.5.5.2
  if (is_any(found)) return true;
  return std::ranges::equal(found.first(kMapped.size()), kMapped) &&
         is_in_the_way(found.subspan(kMapped.size()), wanted);
}

// "0100007F:0019" of /proc/net/tcp: words of four bytes in the machine's order, then the port.
struct Listening {
  std::vector<std::uint8_t> ip;
  unsigned port = 0;
};

bool parse_hex(std::string_view text, unsigned& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && end == text.data() + text.size();
}

bool parse_listening(std::string_view text, Listening& out) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon % 8 != 0 || !parse_hex(text.substr(colon + 1), out.port)) return false;
  for (std::size_t at = 0; at < colon; at += 8) {
    unsigned word = 0;
    if (!parse_hex(text.substr(at, 8), word)) return false;
    std::array<std::uint8_t, sizeof word> bytes{};
    std::memcpy(bytes.data(), &word, sizeof word);
    out.ip.insert(out.ip.end(), bytes.begin(), bytes.end());
  }
  return true;
}

// The inode of a socket that listens where `address` is wanted; empty: none is seen.
std::string inode_at(const Address& address, const char* table) {
  constexpr std::string_view kListen = "0A";
  std::ifstream file(table);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string number;
    std::string local;
    std::string remote;
    std::string state;
    std::string skipped;
    std::string inode;
    words >> number >> local >> remote >> state >> skipped >> skipped >> skipped >> skipped >> skipped >> inode;
    Listening found;
    if (state != kListen || !parse_listening(local, found) || found.port != address.port()) continue;
    if (is_in_the_way(found.ip, address.ip_bytes())) return inode;
  }
  return {};
}

ListeningProcess holder_of(const std::string& inode) {
  namespace fs = std::filesystem;
  const std::string wanted = "socket:[" + inode + "]";
  std::error_code error;
  for (fs::directory_iterator process("/proc", error), end; !error && process != end; process.increment(error)) {
    const std::string id = process->path().filename();
    if (!std::ranges::all_of(id, [](char c) { return c >= '0' && c <= '9'; })) continue;
    std::error_code hidden;
    for (fs::directory_iterator fd(process->path() / "fd", hidden); !hidden && fd != end; fd.increment(hidden)) {
      std::error_code gone;
      if (fs::read_symlink(fd->path(), gone) != wanted) continue;
      std::string name;
      std::getline(std::ifstream(process->path() / "comm"), name);
      ListeningProcess holder{.text = name.append(" (process ").append(id).append(")")};
      std::from_chars(id.data(), id.data() + id.size(), holder.number);
      return holder;
    }
  }
  return {};
}

}  // namespace

ListeningProcess listener_at(const Address& address) {
  for (const char* table : {"/proc/self/net/tcp", "/proc/self/net/tcp6"})
    if (const std::string inode = inode_at(address, table); !inode.empty()) return holder_of(inode);
  return {};
}

AddressFault address_fault(const Address& address) {
  const auto bound = bind_to(address);
  if (bound) {
    ::close(*bound);
    return {};
  }
  AddressFault fault{.in_use = bound.error() == EADDRINUSE};
  if (fault.in_use) fault.holder = listener_at(address);
  fault.sentence = claim_fault(address, bound.error(), fault.holder);
  return fault;
}

// The kernel lets a socket in that sets SO_REUSEPORT where all that are bound there have it, listening or not, or,
// without a look at them, where it has the address of the one that was bound last.  (inet_csk_get_port();
// fastreuseport.)  Ours keep the flag, or one of them would get all connections.  So one is left here that does not
// have it and does not listen; and what was bound last is an address that nothing is sent to.  It must not be one that
// a wildcard of ours covers, which the kernel would not take for another: thus one of each family.
void PortClaim::refuse_others() {
  for (const char* unused : {"192.0.2.1", "100::1"})  // RFC 5737, RFC 6666
    bind_and_close(*Address::from_ip(unused, address_.port()));
  ::shutdown(socket_.get(), SHUT_RDWR);
  const int off = 0;
  setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEPORT, &off, sizeof off);
  setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &off, sizeof off);
}

std::expected<PortClaim, std::string> PortClaim::claim(const Address& address) {
  ListeningProcess holder;
  int error = 0;
  for (int i = 0; i < kTries; ++i) {
    const auto socket = listen_alone(address);
    if (socket) return PortClaim(address, *socket);
    error = socket.error();
    if (error != EADDRINUSE) break;
    if (holder = listener_at(address); !holder.text.empty()) break;
    nanosleep(&kPause, nullptr);
  }
  return std::unexpected(claim_fault(address, error, holder));
}

}  // namespace sluice::io
