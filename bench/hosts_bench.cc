// Ten thousand host names with an RSA and an ECDSA pair each: what a host costs in memory once it is loaded, and how
// long a client waits that is the first to ask for its name, and the next ones.
//
//   bench_hosts [HOSTS]      makes a folder for each in /tmp, with openssl; all have the same pairs, of the size that
//                            public authorities issue, so that it takes a second; each is read and kept for itself.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "engine/base/check.h"
#include "engine/io/real_platform.h"
#include "engine/tls/certificates_directory.h"
#include "engine/tls/client_context.h"
#include "engine/tls/context.h"
#include "engine/tls/tls.h"

namespace {

namespace fs = std::filesystem;
using namespace sluice;
using namespace sluice::tls;
using Clock = std::chrono::steady_clock;

// As of the certificates that Let's Encrypt issues: the extensions that are half of their size are among them.
constexpr const char* kMakePairs = R"bash(set -e
ca() { openssl req -x509 -nodes -days 3650 -subj "/C=US/O=Test Trust/CN=$1" -keyout $1.key -out $1.pem "${@:2}"; }
leaf() {
  openssl req -new -nodes -subj /CN=h1.customer.example -keyout $1.key -out csr "${@:3}"
  printf "%s\n" subjectAltName=DNS:*.customer.example extendedKeyUsage=serverAuth,clientAuth \
    "authorityInfoAccess=OCSP;URI:http://r11.o.example.org,caIssuers;URI:http://r11.i.example.org/" \
    certificatePolicies=2.23.140.1.2.1 crlDistributionPoints=URI:http://r11.c.example.org/35.crl \
    "1.3.6.1.4.1.11129.2.4.2=DER:04:81:F3:$(openssl rand -hex 243 | sed 's/../&:/g;s/:$//')" >ext
  openssl x509 -req -in csr -CA $2.pem -CAkey $2.key -CAcreateserial -days 90 -extfile ext -out $1.pem
  cat $2.pem >>$1.pem
}
ca rsa-ca -newkey rsa:2048
ca ecdsa-ca -newkey ec -pkeyopt ec_paramgen_curve:P-384
leaf rsa rsa-ca -newkey rsa:2048
leaf ecdsa ecdsa-ca -newkey ec -pkeyopt ec_paramgen_curve:P-256
)bash";

class Folder {
 public:
  explicit Folder(std::size_t hosts) {
    std::string path = (fs::temp_directory_path() / "sluice-hosts-XXXXXX").string();
    root_ = mkdtemp(path.data());
    std::ofstream(root_ / "make") << kMakePairs;
    CHECK(std::system(("cd " + root_.string() + " && bash make >log 2>&1").c_str()) == 0);
    const std::array<std::pair<const char*, const char*>, 4> links{{{"ecdsa.pem", "fullchain.pem"},
                                                                    {"ecdsa.key", "privkey.pem"},
                                                                    {"rsa.pem", "fullchain.rsa.pem"},
                                                                    {"rsa.key", "privkey.rsa.pem"}}};
    for (std::size_t i = 0; i < hosts; ++i) {
      const fs::path host = root_ / "hosts" / name(i);
      fs::create_directories(host);
      for (const auto& [file, link] : links) fs::create_hard_link(root_ / file, host / link);
    }
  }
  ~Folder() { fs::remove_all(root_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  static std::string name(std::size_t number) { return "h" + std::to_string(number) + ".customer.example"; }
  [[nodiscard]] std::string hosts() const { return root_ / "hosts"; }

 private:
  fs::path root_;
};

std::size_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::size_t size = 0;
  std::size_t resident = 0;
  file >> size >> resident;
  return resident * 4096;
}

double us(Clock::duration time) { return std::chrono::duration<double, std::micro>(time).count(); }

struct Median {
  std::vector<double> values;
  void add(Clock::duration time) { values.push_back(us(time)); }
  double half() {
    std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
    return values[values.size() / 2];
  }
};

// A whole handshake, both sides on this thread.  Without a ticket.
Clock::duration handshake(TlsContext& context, TlsClientContext& clients, const std::string& name) {
  const auto begin = Clock::now();
  auto server = TlsSession::server(context);
  auto client = TlsSession::client(clients, name);
  Chain heard;
  while (!client->outgoing().empty() || !server->outgoing().empty()) {
    for (Chain out = std::exchange(client->outgoing(), Chain()); !out.empty();) {
      const std::string_view piece = out.front();
      server->feed(piece, heard);
      if (server->needs_certificates()) server->certificates_found(server->certificate_store().find(server->sni()));
      out.consume(piece.size());
    }
    for (Chain out = std::exchange(server->outgoing(), Chain()); !out.empty();) {
      const std::string_view piece = out.front();
      client->feed(piece, heard);
      out.consume(piece.size());
    }
  }
  CHECK(server->state() == TlsState::open && server->reached_as() == name);
  return Clock::now() - begin;
}

int run(std::size_t hosts) {
  const Folder folder(hosts);
  const auto clock = io::make_real_clock();
  const auto random = io::make_real_random();
  CertificateDirectory directory(folder.hosts());
  // Looked at once, so that what is measured is what it says.
  const CertificateOptions options{
      .default_host = Folder::name(0), .own_name = {}, .hosts_max = hosts, .check_interval = std::chrono::hours(1)};
  CertificateStore store(directory, options, *clock, [](auto, auto fault) {
    std::fprintf(stderr, "%s\n", std::string(fault).c_str());
    std::abort();
  });
  TicketKeys keys(make_ticket_secret(*random), *clock, *random);
  TlsContext context({.listener = "bench", .tickets = false}, store, keys);
  auto clients = TlsClientContext::make({.verify = TlsVerify::none, .ca_pem = {}});
  CHECK(clients.has_value());

  // What the library and the allocator have once is there before.
  handshake(context, **clients, Folder::name(0));
  const std::size_t before = resident_bytes();
  Median loading;
  for (std::size_t i = 1; i < hosts; ++i) {
    const auto begin = Clock::now();
    CHECK(store.find(Folder::name(i)) != nullptr);
    loading.add(Clock::now() - begin);
  }
  const std::size_t after = resident_bytes();
  std::printf("hosts                      %zu, with an RSA-2048 and an ECDSA P-256 pair each\n", store.loaded());
  std::printf("RSS                        %.1f MB before, %.1f MB after\n", static_cast<double>(before) / 1e6,
              static_cast<double>(after) / 1e6);
  std::printf("bytes a loaded host        %zu\n", (after - before) / (hosts - 1));
  std::printf("bytes a host not asked for 0\n");
  std::printf("to load a host, p50        %.0f us\n", loading.half());

  CertificateStore cold(directory, options, *clock, [](auto, auto) {});
  TlsContext cold_context({.listener = "bench", .tickets = false}, cold, keys);
  handshake(cold_context, **clients, Folder::name(0));
  Median first;
  Median later;
  for (std::size_t i = 1; i < std::min<std::size_t>(hosts, 1000); ++i) {
    first.add(handshake(cold_context, **clients, Folder::name(i)));
    later.add(handshake(cold_context, **clients, Folder::name(i)));
  }
  std::printf("handshake, first, p50      %.0f us (both sides on one thread, ECDSA)\n", first.half());
  std::printf("handshake, later, p50      %.0f us\n", later.half());
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return run(argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 10'000); }
