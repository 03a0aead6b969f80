#include "engine/io/real_dns.h"

#include <ares.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "engine/base/check.h"
#include "engine/io/dns_answer.h"

namespace sluice::io {
namespace {

constexpr int kUdpPayloadBytes = 1232;  // what fits everywhere without fragments (DNS flag day 2020)
constexpr unsigned kTriesMax = 5;

// Where no server's answer came through.  (ares_library_init() is for Windows.)
std::string words_for(int status) {
  switch (status) {
    case ARES_ETIMEOUT:
      return "no name server answered in time";
    // Where each server says SERVFAIL or REFUSED, c-ares says only that.
    case ARES_ECONNREFUSED:
      return "no name server gave an answer: they failed (SERVFAIL), refused or are out of reach";
    case ARES_EDESTRUCTION:
    case ARES_ECANCELLED:
      return "the name service is shutting down";
    default:
      return std::string("the name look-up failed: ") + ares_strerror(status);
  }
}

class RealDns final : public Dns {
 public:
  RealDns(std::size_t queries_max, bool ask_authenticated)
      : queries_max_(queries_max), ask_authenticated_(ask_authenticated) {}
  RealDns(const RealDns&) = delete;
  RealDns& operator=(const RealDns&) = delete;
  ~RealDns() override;

  // Once, before anything else.
  std::expected<void, std::string> open(const RealDnsOptions& options);
  void query(const std::string& name, DnsType type, CustomerShare share,
             std::function<void(DnsReply)> on_reply) override;

 private:
  struct Question {
    RealDns& dns;
    std::string name;
    DnsType type;
    CustomerShare share;
    std::function<void(DnsReply)> on_reply;
    FairOrder order{};
    std::uint16_t id = 0;  // in ids_, where it was sent by send_asking_authenticated()
  };

  void run();
  bool take_questions();
  void send_asking_authenticated(Question& question);
  [[nodiscard]] std::uint16_t unused_id() const;
  void wait();
  [[nodiscard]] int wait_ms() const;
  void wake() const;
  [[nodiscard]] bool out_of_descriptors() const;
  // c-ares tells which sockets it has, and what for.
  static void socket_changed(void* self, ares_socket_t socket, int readable, int writable);
  static void answered(void* question, int status, int timeouts, unsigned char* bytes, int size);

  const std::size_t queries_max_;
  const bool ask_authenticated_;
  int wake_ = -1;
  ares_channel channel_ = nullptr;  // once started, its thread's only, as are the sockets
  std::map<int, short> sockets_;    // with what to poll them for
  std::vector<pollfd> polled_;
  std::size_t under_way_ = 0;    // with c-ares
  std::set<std::uint16_t> ids_;  // of these, those that we have chosen
  std::mutex mutex_;
  FairQueue<Question> asked_;  // by the mutex, as is
  bool ending_ = false;
  std::thread thread_;
};

RealDns::~RealDns() {
  if (thread_.joinable()) {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake();
    thread_.join();
  }
  if (channel_ != nullptr) ares_destroy(channel_);
  CHECK(under_way_ == 0 && asked_.empty());
  if (wake_ >= 0) ::close(wake_);
}

void RealDns::query(const std::string& name, DnsType type, CustomerShare share,
                    std::function<void(DnsReply)> on_reply) {
  if (!dns_host_name(name)) return on_reply(dns_failure("its name is not valid"));
  auto question = std::make_unique<Question>(*this, name, type, share, std::move(on_reply));
  std::string refusal;
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (ending_) {
      refusal = words_for(ARES_EDESTRUCTION);
    } else if (!asked_.admits(share, queries_max_)) {
      refusal = "too many name look-ups are under way";
    } else {
      first = asked_.empty();
      asked_.push(*question.release(), asked_.kSameCost);  // answered() takes it back
    }
  }
  if (question != nullptr) {
    question->on_reply(dns_failure(std::move(refusal)));
  } else if (first) {
    wake();
  }
}

void RealDns::wake() const {
  const std::uint64_t one = 1;
  // It cannot be full: that would take 2^64 - 1 of them.
  CHECK(::write(wake_, &one, sizeof one) == sizeof one);
}

void RealDns::socket_changed(void* self, ares_socket_t socket, int readable, int writable) {
  auto& sockets = static_cast<RealDns*>(self)->sockets_;
  const int events = (readable != 0 ? POLLIN : 0) | (writable != 0 ? POLLOUT : 0);
  if (events == 0) {
    sockets.erase(socket);
  } else {
    sockets[socket] = static_cast<short>(events);
  }
}

// ------------------------------------------------------------------------------------------ its
// thread

void RealDns::run() {
  while (take_questions()) wait();
  ares_cancel(channel_);
}

// As many as may be under way.  False when it must end; then all that was asked is with c-ares, which answers it.
bool RealDns::take_questions() {
  std::vector<Question*> asked;
  bool ending = false;
  {
    const std::lock_guard lock(mutex_);
    ending = ending_;
    for (; !asked_.empty() && (ending || under_way_ + asked.size() < queries_max_); asked_.pop_front())
      asked.push_back(&asked_.front());
  }
  for (Question* raw : asked) {
    ++under_way_;
    if (ask_authenticated_) {
      send_asking_authenticated(*raw);
      continue;
    }
    // From 1.28 on c-ares would rather have ares_query_dnsrec() called, which older ones do not have, and which gives
    // records where we want the bytes.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
    ares_query(channel_, raw->name.c_str(), /* IN */ 1, static_cast<int>(raw->type), &answered, raw);
#pragma clang diagnostic pop
  }
  return !ending;
}

// As c-ares itself chooses it: at random, so that it cannot be guessed, and not that of another question.
std::uint16_t RealDns::unused_id() const {
  for (;;) {
    std::uint16_t id = 0;
    CHECK(::getrandom(&id, sizeof id, 0) == sizeof id);
    if (!ids_.contains(id)) return id;
  }
}

// RFC 6840 5.7: a question with AD set asks for AD in the answer.  c-ares has no option for that, but sends what it is
// given.
void RealDns::send_asking_authenticated(Question& question) {
  question.id = unused_id();
  ids_.insert(question.id);
  unsigned char* bytes = nullptr;
  int size = 0;
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"
  const int status = ares_create_query(question.name.c_str(), /* IN */ 1, static_cast<int>(question.type), question.id,
                                       /* recursion desired */ 1, &bytes, &size, kUdpPayloadBytes);
  if (status != ARES_SUCCESS) return answered(&question, status, 0, nullptr, 0);
  constexpr std::size_t kSecondFlags = 3;
  constexpr unsigned char kAuthentic = 0x20;
  bytes[kSecondFlags] |= kAuthentic;
  ares_send(channel_, bytes, size, &answered, &question);
#pragma clang diagnostic pop
  ares_free_string(bytes);
}

int RealDns::wait_ms() const {
  timeval storage{};
  const timeval* left = ares_timeout(channel_, nullptr, &storage);
  if (left == nullptr) return -1;
  return static_cast<int>(left->tv_sec * 1000 + left->tv_usec / 1000 + 1);
}

void RealDns::wait() {
  polled_.clear();
  polled_.push_back({.fd = wake_, .events = POLLIN, .revents = 0});
  for (const auto& [socket, events] : sockets_) polled_.push_back({.fd = socket, .events = events, .revents = 0});
  const int ready = ::poll(polled_.data(), polled_.size(), wait_ms());
  CHECK(ready >= 0 || errno == EINTR);
  if (ready > 0) {
    if (polled_[0].revents != 0) {
      std::uint64_t times = 0;
      CHECK(::read(wake_, &times, sizeof times) == sizeof times);
    }
    for (std::size_t i = 1; i < polled_.size(); ++i) {
      const auto& [socket, events, got] = polled_[i];
      if (got == 0) continue;
      // An error shows itself in the read or write, so it counts as both.
      const bool error = (got & (POLLERR | POLLHUP | POLLNVAL)) != 0;
      const bool readable = (got & POLLIN) != 0 || (error && (events & POLLIN) != 0);
      const bool writable = (got & POLLOUT) != 0 || (error && (events & POLLOUT) != 0);
      ares_process_fd(channel_, readable ? socket : ARES_SOCKET_BAD, writable ? socket : ARES_SOCKET_BAD);
    }
  }
  ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);  // time-outs
}

// The look-up of a process that has no descriptor left fails as if no name server were there.
bool RealDns::out_of_descriptors() const {
  const int spare = ::fcntl(wake_, F_DUPFD_CLOEXEC, 0);
  if (spare >= 0) ::close(spare);
  return spare < 0 && (errno == EMFILE || errno == ENFILE);
}

void RealDns::answered(void* context, int status, int /*timeouts*/, unsigned char* bytes, int size) {
  const std::unique_ptr<Question> question(static_cast<Question*>(context));
  // What c-ares makes of an answer is of no interest where it hands over the answer itself.
  const bool has_answer = bytes != nullptr && size > 0;
  DnsReply reply = has_answer ? read_dns_answer({bytes, static_cast<std::size_t>(size)}, question->name, question->type)
                              : dns_failure(question->dns.out_of_descriptors()
                                                ? "the process may open no more files (ulimit -n, LimitNOFILE=)"
                                                : words_for(status));
  // RFC 7686 section 2: c-ares sends no query for names under .onion.
  if (!has_answer && status == ARES_ENOTFOUND) reply.status = DnsStatus::no_such_name;
  --question->dns.under_way_;
  question->dns.ids_.erase(question->id);
  question->on_reply(std::move(reply));
}

// ------------------------------------------------------------------------------------------ making
// it

std::expected<void, std::string> set_servers(ares_channel channel, const std::vector<std::string>& servers) {
  if (servers.empty()) return {};
  std::string list;
  for (const std::string& server : servers) {
    const auto address = Address::parse(server);
    if (!address || address->port() == 0)
      return std::unexpected("a name server is ADDRESS:PORT, such as 192.0.2.53:53 or [2001:db8::53]:53");
    list += (list.empty() ? "" : ",") + address->to_string();
  }
  const int status = ares_set_servers_ports_csv(channel, list.c_str());
  if (status != ARES_SUCCESS) return std::unexpected(std::string("name servers: ") + ares_strerror(status));
  return {};
}

std::expected<void, std::string> RealDns::open(const RealDnsOptions& options) {
  wake_ = eventfd(0, EFD_CLOEXEC);
  if (wake_ < 0) return std::unexpected(std::string("name service: ") + std::strerror(errno));
  const auto timeout = std::chrono::duration_cast<std::chrono::milliseconds>(options.timeout);
  ares_options chosen{};
  chosen.flags = ARES_FLAG_EDNS;
  chosen.ednspsz = kUdpPayloadBytes;
  chosen.timeout = static_cast<int>(std::clamp<std::int64_t>(timeout.count(), 10, 60'000));
  chosen.tries = static_cast<int>(std::clamp(options.tries, 1U, kTriesMax));
  chosen.sock_state_cb = &socket_changed;
  chosen.sock_state_cb_data = this;
  int mask = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE
  // From c-ares 1.31 on answers are kept, also that nothing is there, for up to an hour.  Who wants that keeps them;
  // a check of records that were just put right must see them.
  chosen.qcache_max_ttl = 0;
  mask |= ARES_OPT_QUERY_CACHE;
#endif
  const int status = ares_init_options(&channel_, &chosen, mask);
  if (status != ARES_SUCCESS) return std::unexpected(std::string("name service: ") + ares_strerror(status));
  if (auto set = set_servers(channel_, options.servers); !set) return set;
  thread_ = std::thread([this] { run(); });
  pthread_setname_np(thread_.native_handle(), "sluice-dns");
  return {};
}

}  // namespace

std::expected<std::unique_ptr<Dns>, std::string> make_real_dns(const RealDnsOptions& options) {
  auto dns = std::make_unique<RealDns>(options.queries_max, options.ask_authenticated);
  if (const auto opened = dns->open(options); !opened) return std::unexpected(opened.error());
  return dns;
}

}  // namespace sluice::io
