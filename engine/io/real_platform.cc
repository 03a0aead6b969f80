#include "engine/io/real_platform.h"

#include <netinet/tcp.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/base/check.h"

namespace sluice::io {
namespace {

class RealSockets final : public Sockets {
 public:
  std::expected<int, int> listen(const Address& address, const ListenOptions& options) override {
    const auto opened = open(address.family());
    if (!opened) return opened;
    const int fd = *opened;
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (options.reuse_port) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (address.family() == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, address.data(), address.size()) != 0 || ::listen(fd, options.backlog) != 0) {
      const int error = errno;
      ::close(fd);
      return std::unexpected(error);
    }
    return fd;
  }
  std::expected<int, int> open(int family) override {
    const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return std::unexpected(errno);
    // Replies are written whole: waiting for more would only delay them.  Accepted sockets inherit it.
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
  }
  Address peer(int fd) override { return name(fd, &getpeername); }
  Address local(int fd) override { return name(fd, &getsockname); }
  void end_output(int fd) override { shutdown(fd, SHUT_WR); }
  void reset_at_close(int fd) override {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  void close(int fd) override { ::close(fd); }

 private:
  using Getter = int (*)(int, sockaddr*, socklen_t*);
  static Address name(int fd, Getter get) {
    sockaddr_storage storage{};
    socklen_t size = sizeof storage;
    auto* generic = reinterpret_cast<sockaddr*>(&storage);
    if (get(fd, generic, &size) != 0) return {};
    return Address::from_sockaddr(generic, size);
  }
};

class RealClock final : public Clock {
 public:
  Instant now() override {
    timespec t{};
    clock_gettime(CLOCK_MONOTONIC, &t);
    return Instant(std::chrono::seconds(t.tv_sec) + Duration(t.tv_nsec));
  }
  WallMillis wall() override {
    timespec t{};
    clock_gettime(CLOCK_REALTIME, &t);
    return WallMillis{t.tv_sec} * 1000 + t.tv_nsec / 1'000'000;
  }
};

class RealRandom final : public Random {
 public:
  ~RealRandom() override { explicit_bzero(pool_.data(), pool_.size()); }
  void fill(std::span<std::byte> bytes) override {
    while (!bytes.empty()) {
      if (used_ == pool_.size()) refill();
      const std::size_t n = std::min(bytes.size(), pool_.size() - used_);
      std::memcpy(bytes.data(), pool_.data() + used_, n);
      explicit_bzero(pool_.data() + used_, n);  // what was given out is not kept
      used_ += n;
      bytes = bytes.subspan(n);
    }
  }

 private:
  void refill() {
    std::size_t got = 0;
    while (got < pool_.size()) {
      const ssize_t n = getrandom(pool_.data() + got, pool_.size() - got, 0);
      CHECK(n > 0 || errno == EINTR);
      if (n > 0) got += static_cast<std::size_t>(n);
    }
    used_ = 0;
  }
  std::array<std::byte, 256> pool_{};  // getrandom never returns short for up to 256 bytes
  std::size_t used_ = 256;
};

std::atomic<std::uint32_t> jobs_running{0};  // of all workers

class RealWorkers final : public Workers {
 public:
  RealWorkers(unsigned threads, std::size_t queue_max, WorkerPriority priority, WhenIdle when_idle)
      : queue_max_(queue_max), when_idle_(when_idle) {
    for (unsigned i = 0; i < threads; ++i)
      threads_.emplace_back([this, priority] {
        if (priority == WorkerPriority::low) become_low();
        work();
      });
  }
  RealWorkers(const RealWorkers&) = delete;
  RealWorkers& operator=(const RealWorkers&) = delete;
  ~RealWorkers() override {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  bool submit(std::function<void()> run, CustomerShare share) override {
    auto job = std::make_unique<Job>(std::move(run), share);
    {
      const std::lock_guard lock(mutex_);
      if (!jobs_.admits(share, queue_max_)) return false;
      jobs_.push(*job.release(), jobs_.kSameCost);  // work() takes it back
    }
    wake_.notify_one();
    return true;
  }

 private:
  struct Job {
    Job(std::function<void()> what, CustomerShare whose) : run(std::move(what)), share(whose) {}
    std::function<void()> run;
    CustomerShare share;
    FairOrder order;
  };

  // Of a CPU that all want, a tenth of what a core's thread gets.  Not SCHED_IDLE: beside cores or other programs that
  // leave nothing, a job then waited for longer than a client does.  To lower it is always allowed.
  static void become_low() {
    constexpr int kLowNiceness = 10;
    CHECK(::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kLowNiceness) == 0);
  }
  void work() {
    std::unique_lock lock(mutex_);
    const auto has_work = [this] { return ending_ || !jobs_.empty(); };
    bool worked = false;
    for (;;) {
      if (worked && when_idle_.call != nullptr && !wake_.wait_for(lock, when_idle_.after, has_work)) {
        lock.unlock();
        when_idle_.call();
        lock.lock();
      }
      wake_.wait(lock, has_work);
      if (jobs_.empty()) return;
      worked = true;
      std::unique_ptr<Job> job(&jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      ++jobs_running;
      job->run();
      --jobs_running;
      job = nullptr;
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  FairQueue<Job> jobs_;
  const std::size_t queue_max_;
  const WhenIdle when_idle_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

bool workers_run() { return jobs_running.load(std::memory_order_relaxed) > 0; }

std::unique_ptr<Sockets> make_real_sockets() { return std::make_unique<RealSockets>(); }
std::unique_ptr<Clock> make_real_clock() { return std::make_unique<RealClock>(); }
std::unique_ptr<Random> make_real_random() { return std::make_unique<RealRandom>(); }
std::unique_ptr<Workers> make_real_workers(unsigned threads, std::size_t queue_max, WorkerPriority priority,
                                           WhenIdle when_idle) {
  return std::make_unique<RealWorkers>(threads, queue_max, priority, when_idle);
}

}  // namespace sluice::io
