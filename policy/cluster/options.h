// What the operator has set of the cluster ([cluster]).  Values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/time.h"

namespace sluice::policy {

// "redis.example.net:6379", or the path of a UNIX socket.
struct ClusterServer {
  std::string host;  // a name or an address without brackets; or a path, which begins with "/"
  std::uint16_t port = 0;

  [[nodiscard]] bool is_path() const { return host.starts_with('/'); }
  [[nodiscard]] std::string to_string() const {
    if (is_path()) return host;
    return (host.contains(':') ? "[" + host + "]" : host) + (port == 0 ? "" : ":" + std::to_string(port));
  }
  friend bool operator==(const ClusterServer&, const ClusterServer&) = default;
};

struct ClusterOptions {
  std::vector<ClusterServer> servers;  // Redis or Valkey, any of a Redis Cluster, or Sentinels; tried in order
  std::string sentinel;                // the name of the master that the Sentinels watch; empty: the servers are Redis
  bool tls = true;                     // in clear only to loopback addresses and UNIX sockets
  std::string ca_pem;                  // the authorities that are trusted
  std::string server_name;             // that the certificate must be for; empty: the server's host
  std::string user;                    // empty: "default"
  std::string password;                // empty: none is sent
  std::string key;                     // sealed by it is what shields and steps tell; empty: they are not shared
  std::string prefix = "sluice";       // of keys and channels
  std::string node;                    // this relay's name, which no other one has
  std::uint32_t local_share = 10;      // percent of each limit that a node may use while the cluster does not answer
  Duration timeout = std::chrono::seconds(1);  // of each question, connecting included
  // How long no leases are given after data was lost, so that all nodes can report what they hold.
  Duration grace = std::chrono::seconds(5);
};

}  // namespace sluice::policy
