// Our TLS against an implementation that is not ours: OpenSSL's s_client over a UNIX socket in a
// temporary directory. Skipped where there is no openssl.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "engine/base/check.h"
#include "tests/unit/tls/tls_fixture.h"

namespace sluice::tls {
namespace {

namespace fs = std::filesystem;
using testing::Listener;

class TlsOpenssl : public ::testing::Test {
 protected:
  TlsOpenssl() {
    std::string path = (fs::temp_directory_path() / "sluice-openssl-XXXXXX").string();
    root_ = mkdtemp(path.data());
    const std::string socket_path = (root_ / "s").string();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, socket_path.c_str());
    listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    CHECK(listen(listener_, 8) == 0);
  }
  ~TlsOpenssl() override {
    close(listener_);
    fs::remove_all(root_);
  }
  void SetUp() override {
    if (std::system("openssl version >/dev/null 2>&1") != 0) GTEST_SKIP() << "there is no openssl";
  }

  struct Result {
    TlsState state = TlsState::handshaking;
    std::string version;
    std::string cipher;
    std::string sni;
    std::string error;
    std::string heard;    // by us
    std::string printed;  // by s_client
    bool resumed = false;
    std::string channel_binding;
  };

  // Runs `openssl s_client ARGUMENTS`, types `input`, greets it with "220 ready" and says
  // "250 bye" to QUIT.
  Result run(Listener& listener, const std::string& arguments, const std::string& input = "QUIT\r\n") {
    std::ofstream(root_ / "input") << input;
    const bool text = input.starts_with("QUIT");  // else lines are s_client's own commands, once it is connected
    const std::string command = (text ? "" : "(while read line; do sleep 0.2; echo $line; done; sleep 0.2) <input | ") +
                                std::string("timeout 10 openssl s_client -unix s ") + arguments +
                                (text ? " -ign_eof <input" : "") + " >output 2>&1";
    const pid_t child = fork();
    if (child == 0) {
      if (chdir(root_.c_str()) != 0) _exit(1);
      execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      _exit(1);
    }
    const Result result = serve(listener);
    waitpid(child, nullptr, 0);
    Result complete = result;
    std::ostringstream printed;
    printed << std::ifstream(root_ / "output").rdbuf();
    complete.printed = printed.str();
    return complete;
  }

  Result serve(Listener& listener) {
    pollfd waiting{.fd = listener_, .events = POLLIN, .revents = 0};
    if (poll(&waiting, 1, 10'000) != 1) return {.error = "s_client did not connect"};
    const int peer = accept(listener_, nullptr, nullptr);
    auto session = listener.accept();
    Chain heard;
    bool greeted = false;
    std::array<char, 4'096> buffer{};
    for (ssize_t size = 1; size > 0;) {
      size = recv(peer, buffer.data(), buffer.size(), 0);
      if (size <= 0) break;
      testing::feed(*session, {buffer.data(), static_cast<std::size_t>(size)}, heard);
      if (session->state() == TlsState::open && !std::exchange(greeted, true)) session->write("220 ready\r\n");
      const bool quits = heard.to_string().find("QUIT\r\n") != std::string::npos;
      if (quits) {
        session->write("250 bye\r\n");
        session->close();
      }
      const std::string out = testing::drain(session->outgoing());
      if (!out.empty() && send(peer, out.data(), out.size(), MSG_NOSIGNAL) < 0) break;
      if (quits || session->state() == TlsState::failed) break;
    }
    shutdown(peer, SHUT_WR);
    while (recv(peer, buffer.data(), buffer.size(), 0) > 0) continue;
    close(peer);
    return {.state = session->state(),
            .version = session->version(),
            .cipher = session->cipher(),
            .sni = std::string(session->sni()),
            .error = std::string(session->error()),
            .heard = heard.to_string(),
            .resumed = session->resumed(),
            .channel_binding = std::string(session->channel_binding())};
  }

  fs::path root_;
  int listener_ = -1;
};

void expect_talked(const auto& result, const std::string& version) {
  EXPECT_EQ(result.state, TlsState::closed) << result.error;
  EXPECT_EQ(result.version, version);
  EXPECT_EQ(result.heard, "QUIT\r\n");
  EXPECT_NE(result.printed.find("220 ready"), std::string::npos) << result.printed;
  EXPECT_NE(result.printed.find("250 bye"), std::string::npos) << result.printed;
}

TEST_F(TlsOpenssl, SpeaksBothVersionsAndAllOurCiphers) {
  Listener listener;
  expect_talked(run(listener, "-tls1_2 -servername a.example.com"), "TLSv1.2");
  expect_talked(run(listener, "-tls1_3 -servername a.example.com"), "TLSv1.3");
  for (const char* cipher : {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
    const Result result = run(listener, std::string("-tls1_3 -ciphersuites ") + cipher);
    expect_talked(result, "TLSv1.3");
    EXPECT_EQ(result.cipher, cipher);
  }
  for (const char* cipher :
       {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"})
    expect_talked(run(listener, std::string("-tls1_2 -cipher ") + cipher), "TLSv1.2");
  for (const char* group : {"X25519", "P-256", "P-384"})
    expect_talked(run(listener, std::string("-groups ") + group), "TLSv1.3");
  // None of its key shares suits: a second ClientHello.
  expect_talked(run(listener, "-groups P-521:X25519"), "TLSv1.3");
}

TEST_F(TlsOpenssl, HasTheSameChannelBinding) {
  constexpr std::string_view kPrinted = "Keying material: ";
  Listener listener("submission", 1, true, /*channel_binding=*/true);
  const std::string asked = " -keymatexport EXPORTER-Channel-Binding -keymatexportlen 32";
  for (const char* cipher : {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"}) {
    const Result result = run(listener, std::string("-tls1_3 -ciphersuites ") + cipher + asked);
    expect_talked(result, "TLSv1.3");
    std::ostringstream ours;
    for (const char byte : result.channel_binding) {
      constexpr std::string_view kDigits = "0123456789ABCDEF";
      ours << kDigits[static_cast<unsigned char>(byte) >> 4U] << kDigits[static_cast<unsigned char>(byte) & 15U];
    }
    EXPECT_EQ(result.channel_binding.size(), 32U);
    const std::size_t at = result.printed.find(kPrinted);
    ASSERT_NE(at, std::string::npos) << result.printed;
    EXPECT_EQ(result.printed.substr(at + kPrinted.size(), 64), ours.str());
  }
  EXPECT_EQ(run(listener, "-tls1_2").channel_binding, "");
  Listener without;
  EXPECT_EQ(run(without, "-tls1_3").channel_binding, "");
}

TEST_F(TlsOpenssl, RefusesOldVersionsAndOldCiphers) {
  Listener listener;
  EXPECT_EQ(run(listener, "-tls1_1 -cipher ALL:@SECLEVEL=0").state, TlsState::failed);
  EXPECT_EQ(run(listener, "-tls1 -cipher ALL:@SECLEVEL=0").state, TlsState::failed);
  EXPECT_EQ(run(listener, "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256").state, TlsState::failed);
  EXPECT_EQ(run(listener, "-tls1_2 -cipher AES128-GCM-SHA256").state, TlsState::failed);
}

TEST_F(TlsOpenssl, RefusesRenegotiation) {
  Listener listener;
  // s_client begins a handshake anew on a line that is "R".
  const Result result = run(listener, "-tls1_2", "R\n");
  EXPECT_EQ(result.state, TlsState::failed);
  EXPECT_EQ(result.heard, "");
  EXPECT_NE(result.printed.find("RENEGOTIATING"), std::string::npos) << result.printed;
}

TEST_F(TlsOpenssl, TakesAKeyUpdate) {
  Listener listener;
  // "k" updates its key, "K" asks for ours as well, "Q" ends.
  const Result result = run(listener, "-tls1_3", "k\nhello\nK\nagain\nQ\n");
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(result.heard, "hello\nagain\n");
  EXPECT_NE(result.printed.find("KEYUPDATE"), std::string::npos) << result.printed;
}

TEST_F(TlsOpenssl, TicketsResumeWhereTheyMayAndElsewhereThereIsAFullHandshake) {
  Listener listener;
  Listener other("submissions");
  for (const std::string version : {"-tls1_2", "-tls1_3"}) {
    const std::string name = version == "-tls1_2" ? "TLSv1.2" : "TLSv1.3";
    // Each saves its new ticket elsewhere, so that all present the first one.
    const auto resumed = [&](Listener& where, const std::string& sni) {
      const Result result = run(where, version + " -sess_in ticket -servername " + sni);
      expect_talked(result, name);
      EXPECT_EQ(result.sni, sni);
      return result.resumed;
    };
    expect_talked(run(listener, version + " -sess_out ticket -servername a.example.com"), name);
    EXPECT_TRUE(resumed(listener, "a.example.com"));
    EXPECT_FALSE(resumed(listener, "b.example.com"));
    EXPECT_FALSE(resumed(other, "a.example.com"));
    listener.clock.advance(kTicketKeyLife);
    EXPECT_TRUE(resumed(listener, "a.example.com"));
    listener.clock.advance(kTicketKeyLife);
    EXPECT_FALSE(resumed(listener, "a.example.com"));
    other.clock.advance(2 * kTicketKeyLife);
  }
}

}  // namespace
}  // namespace sluice::tls
