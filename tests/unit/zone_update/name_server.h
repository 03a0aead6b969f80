// A name server of a test's own on the loopback, on a thread of its own: it has a few TXT records, takes updates, and
// signs what it says, or not.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <ldns/ldns.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/io/address.h"

namespace sluice::zone_update {

struct NameServerRules {
  std::string secret;  // base64
  std::string algorithm = "hmac-sha256";
  bool is_silent = false;
  bool is_signed = true;
  std::uint16_t tsig_error = 0;
  ldns_pkt_rcode code = LDNS_RCODE_NOERROR;
  bool refuses_updates_alone = false;
  std::vector<std::vector<std::string>> transfer;  // lines of a zone file, of each message
};

class TestNameServer {
 public:
  explicit TestNameServer(NameServerRules rules) : rules_(std::move(rules)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof any;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&any), size), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&any), &size), 0);
    address_ = io::Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&any), size);
    thread_ = std::thread([this] { run(); });
  }
  ~TestNameServer() { stop(); }
  TestNameServer(const TestNameServer&) = delete;
  TestNameServer& operator=(const TestNameServer&) = delete;
  void stop() {
    if (!thread_.joinable()) return;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

  [[nodiscard]] const io::Address& address() const { return address_; }
  // Once it is stopped: of each update its records, as lines.
  [[nodiscard]] const std::vector<std::vector<std::string>>& updates() const { return updates_; }

 private:
  using Packet = std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)>;

  void run() {
    for (int client = ::accept(listener_, nullptr, nullptr); client >= 0;
         client = ::accept(listener_, nullptr, nullptr)) {
      for (std::string wire; receive(client, wire);)
        if (!rules_.is_silent) answer(client, wire);
      ::close(client);
    }
  }
  static bool receive_all(int client, char* bytes, std::size_t size) {
    while (size > 0) {
      const ssize_t n = ::recv(client, bytes, size, 0);
      if (n <= 0) return false;
      bytes += n;
      size -= static_cast<std::size_t>(n);
    }
    return true;
  }
  static bool receive(int client, std::string& wire) {
    std::array<char, 2> head{};
    if (!receive_all(client, head.data(), head.size())) return false;
    wire.resize(std::size_t{static_cast<unsigned char>(head[0])} << 8U | static_cast<unsigned char>(head[1]));
    return receive_all(client, wire.data(), wire.size());
  }
  static std::string line(const ldns_rr* record) {
    const std::unique_ptr<char, decltype(&std::free)> text(ldns_rr2str(record), &std::free);
    std::string line(text.get());
    line.resize(line.find_last_not_of('\n') + 1);
    return line;
  }

  void answer(int client, const std::string& wire) {
    ldns_pkt* read = nullptr;
    ASSERT_EQ(ldns_wire2pkt(&read, reinterpret_cast<const std::uint8_t*>(wire.data()), wire.size()), LDNS_STATUS_OK);
    const Packet question(read, &ldns_pkt_free);
    ASSERT_NE(ldns_pkt_tsig(question.get()), nullptr);
    const ldns_rdf* mac = ldns_rr_rdf(ldns_pkt_tsig(question.get()), 3);
    if (ldns_pkt_get_opcode(question.get()) == LDNS_PACKET_UPDATE) {
      std::vector<std::string> lines;
      const ldns_rr_list* const records = ldns_pkt_authority(question.get());
      for (std::size_t i = 0; i < ldns_rr_list_rr_count(records); ++i)
        lines.push_back(line(ldns_rr_list_rr(records, i)));
      updates_.push_back(std::move(lines));
      const Packet reply = make_reply(question.get(), {});
      if (rules_.refuses_updates_alone) ldns_pkt_set_rcode(reply.get(), LDNS_RCODE_REFUSED);
      return send(client, reply.get(), mac, false);
    }
    std::vector<Packet> replies;
    for (const auto& lines : rules_.transfer) {
      replies.push_back(make_reply(question.get(), lines));
      send(client, replies.back().get(), mac, replies.size() > 1);
      if (ldns_pkt_tsig(replies.back().get()) == nullptr) return;
      mac = ldns_rr_rdf(ldns_pkt_tsig(replies.back().get()), 3);
    }
  }
  Packet make_reply(const ldns_pkt* question, const std::vector<std::string>& lines) const {
    Packet reply(ldns_pkt_new(), &ldns_pkt_free);
    ldns_pkt_set_id(reply.get(), ldns_pkt_id(question));
    ldns_pkt_set_qr(reply.get(), true);
    ldns_pkt_set_opcode(reply.get(), ldns_pkt_get_opcode(question));
    ldns_pkt_set_rcode(reply.get(), rules_.code);
    for (const std::string& line : lines) {
      ldns_rr* record = nullptr;
      EXPECT_EQ(ldns_rr_new_frm_str(&record, line.c_str(), 0, nullptr, nullptr), LDNS_STATUS_OK) << line;
      ldns_pkt_push_rr(reply.get(), LDNS_SECTION_ANSWER, record);
    }
    return reply;
  }
  void send(int client, ldns_pkt* reply, const ldns_rdf* mac, bool timers_only) const {
    if (rules_.is_signed)
      EXPECT_EQ(ldns_pkt_tsig_sign_next(reply, "relay.example", rules_.secret.c_str(), 300, rules_.algorithm.c_str(),
                                        mac, timers_only ? 1 : 0),
                LDNS_STATUS_OK);
    if (rules_.tsig_error != 0)
      ldns_rdf_deep_free(
          ldns_rr_set_rdf(ldns_pkt_tsig(reply), ldns_native2rdf_int16(LDNS_RDF_TYPE_INT16, rules_.tsig_error), 5));
    std::uint8_t* made = nullptr;
    std::size_t size = 0;
    EXPECT_EQ(ldns_pkt2wire(&made, reply, &size), LDNS_STATUS_OK);
    std::string wire{static_cast<char>(size >> 8U), static_cast<char>(size)};
    wire.append(reinterpret_cast<const char*>(made), size);
    std::free(made);
    EXPECT_EQ(::send(client, wire.data(), wire.size(), MSG_NOSIGNAL), static_cast<ssize_t>(wire.size()));
  }

  const NameServerRules rules_;
  int listener_ = -1;
  io::Address address_;
  std::vector<std::vector<std::string>> updates_;
  std::thread thread_;
};

}  // namespace sluice::zone_update
