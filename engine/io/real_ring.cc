#include "engine/io/real_ring.h"

#include <liburing.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/base/check.h"
#include "engine/io/library_version.h"
#include "engine/io/real_platform.h"

namespace sluice::io {
namespace {

constexpr int kBufferGroup = 0;
constexpr std::size_t kTransferBytesMax = std::size_t{1} << 30;  // a result has 31 bits
constexpr Tag kWakeTag = Tag{0xff} << 56;                        // no operation has kind 255

class RealRing final : public Ring {
 public:
  RealRing() = default;
  RealRing(const RealRing&) = delete;
  RealRing& operator=(const RealRing&) = delete;
  ~RealRing() override;

  std::expected<void, std::string> open(const RealRingOptions& options);

  void accept_multishot(Tag tag, int listener) override {
    io_uring_sqe* sqe = entry();
    io_uring_prep_multishot_accept(sqe, listener, nullptr, nullptr, SOCK_CLOEXEC);
    io_uring_sqe_set_data64(sqe, tag);
  }
  void receive(Tag tag, int socket, bool multishot, bool poll_first) override {
    io_uring_sqe* sqe = entry();
    if (multishot) {
      io_uring_prep_recv_multishot(sqe, socket, nullptr, 0, 0);
    } else {
      io_uring_prep_recv(sqe, socket, nullptr, 0, 0);
    }
    if (poll_first) sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = kBufferGroup;
    io_uring_sqe_set_data64(sqe, tag);
  }
  // MSG_WAITALL: the kernel goes on after a short send, so that a completion means all or failure.
  void send(Tag tag, int socket, const msghdr* message) override {
    io_uring_sqe* sqe = entry();
    io_uring_prep_sendmsg(sqe, socket, message, MSG_NOSIGNAL | MSG_WAITALL);
    io_uring_sqe_set_data64(sqe, tag);
  }
  void send(Tag tag, int socket, const void* bytes, std::size_t size) override {
    io_uring_sqe* sqe = entry();
    io_uring_prep_send(sqe, socket, bytes, size, MSG_NOSIGNAL | MSG_WAITALL);
    io_uring_sqe_set_data64(sqe, tag);
  }
  void connect(Tag tag, int socket, const Address* address) override {
    io_uring_sqe* sqe = entry();
    io_uring_prep_connect(sqe, socket, address->data(), address->size());
    io_uring_sqe_set_data64(sqe, tag);
  }
  void close(Tag tag, int descriptor) override {
    io_uring_sqe* sqe = entry();
    io_uring_prep_close(sqe, descriptor);
    io_uring_sqe_set_data64(sqe, tag);
  }
  void write_file(Tag tag, int file, const void* bytes, std::size_t size, std::uint64_t offset, bool durable) override {
    CHECK(size <= kTransferBytesMax);
    io_uring_sqe* sqe = entry();
    io_uring_prep_write(sqe, file, bytes, static_cast<unsigned>(size), offset);
    if (durable) sqe->rw_flags = RWF_DSYNC;
    io_uring_sqe_set_data64(sqe, tag);
  }
  void read_file(Tag tag, int file, void* bytes, std::size_t size, std::uint64_t offset) override {
    CHECK(size <= kTransferBytesMax);
    io_uring_sqe* sqe = entry();
    io_uring_prep_read(sqe, file, bytes, static_cast<unsigned>(size), offset);
    io_uring_sqe_set_data64(sqe, tag);
  }
  void cancel(Tag tag, Tag target) override {
    io_uring_sqe* sqe = entry();
    io_uring_prep_cancel64(sqe, target, 0);
    io_uring_sqe_set_data64(sqe, tag);
  }

  void provide_buffer(std::uint16_t id, char* data, std::uint32_t size) override {
    CHECK(provided_ < buffer_count_);  // one more would overwrite another's place
    ++provided_;
    io_uring_buf_ring_add(buffers_, data, size, id, io_uring_buf_ring_mask(buffer_count_), 0);
    io_uring_buf_ring_advance(buffers_, 1);
  }

  // Not where a worker computes: it would have the CPU until the scheduler's next tick, for milliseconds.
  void give_way() override {
    if (!workers_run()) ::sched_yield();
  }
  std::size_t wait(Duration timeout, std::span<Completion> completions) override;

  void submit() override {
    ++enters_;
    const int submitted = io_uring_submit(&ring_);
    // What could not be taken is still queued.
    CHECK(submitted >= 0 || submitted == -EBUSY || submitted == -EAGAIN || submitted == -EINTR || submitted == -ENOMEM);
  }
  void wake() override {
    const std::uint64_t one = 1;
    // A full counter means that a wake-up is on its way already.
    [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof one);
  }
  [[nodiscard]] std::uint64_t enters() const override { return enters_; }

 private:
  io_uring_sqe* entry() {
    io_uring_sqe* sqe = io_uring_get_sqe(&ring_);
    while (sqe == nullptr) {
      submit();
      sqe = io_uring_get_sqe(&ring_);
    }
    return sqe;
  }
  void listen_for_wake() {
    io_uring_sqe* sqe = entry();
    io_uring_prep_read(sqe, wake_fd_, &wake_count_, sizeof wake_count_, 0);
    io_uring_sqe_set_data64(sqe, kWakeTag);
  }

  io_uring ring_{};
  bool opened_ = false;
  io_uring_buf_ring* buffers_ = nullptr;
  std::uint32_t buffer_count_ = 0;
  std::uint32_t provided_ = 0;  // with the kernel
  int wake_fd_ = -1;
  std::uint64_t wake_count_ = 0;
  std::uint64_t enters_ = 0;
};

std::string explain_setup(int error) {
  std::string text = "io_uring cannot be used: " + std::string(std::strerror(error)) + "; ";
  switch (error) {
    case ENOSYS:
      return text + "the kernel has no io_uring (6.1 or later is needed)";
    case EPERM:
      return text +
             "look at sysctl kernel.io_uring_disabled (must be 0, or 1 with the group in "
             "kernel.io_uring_group), and at the seccomp profile of the container (Docker's and "
             "containerd's default profiles refuse io_uring_setup)";
    case ENOMEM:
      return text + "raise the locked-memory limit (ulimit -l, LimitMEMLOCK=) or free memory";
    case EINVAL:
      return text + "the kernel is older than 6.1, which is the oldest that Sluice runs on";
    case EMFILE:
    case ENFILE:
      return text + "raise the limit of open files (ulimit -n, LimitNOFILE=)";
    default:
      return text + "errno " + std::to_string(error);
  }
}

std::expected<void, std::string> RealRing::open(const RealRingOptions& options) {
  io_uring_params params{};
  params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_COOP_TASKRUN |
                 IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE;
  params.cq_entries = options.completions;
  if (const int result = io_uring_queue_init_params(options.submissions, &ring_, &params); result < 0)
    return std::unexpected(explain_setup(-result));
  opened_ = true;
  if (const int result = io_uring_register_ring_fd(&ring_); result < 0) return std::unexpected(explain_setup(-result));
  int result = 0;
  buffers_ = io_uring_setup_buf_ring(&ring_, options.buffers, kBufferGroup, 0, &result);
  if (buffers_ == nullptr) return std::unexpected("provided buffers: " + explain_setup(-result));
  buffer_count_ = options.buffers;
  wake_fd_ = eventfd(0, EFD_CLOEXEC);
  if (wake_fd_ < 0) return std::unexpected("eventfd: " + explain_setup(errno));
  listen_for_wake();
  return {};
}

RealRing::~RealRing() {
  if (buffers_ != nullptr) io_uring_free_buf_ring(&ring_, buffers_, buffer_count_, kBufferGroup);
  if (opened_) io_uring_queue_exit(&ring_);
  if (wake_fd_ >= 0) ::close(wake_fd_);
}

std::size_t RealRing::wait(Duration timeout, std::span<Completion> completions) {
  ++enters_;
  int result = 0;
  if (timeout <= Duration::zero()) {
    result = io_uring_submit_and_get_events(&ring_);
  } else {
    __kernel_timespec spec{};
    spec.tv_sec = timeout.count() / 1'000'000'000;
    spec.tv_nsec = timeout.count() % 1'000'000'000;
    io_uring_cqe* first = nullptr;
    result = io_uring_submit_and_wait_timeout(&ring_, &first, 1, &spec, nullptr);
  }
  // EBUSY and EAGAIN: the completion queue must be drained first, or memory is short: the next turn tries
  // again with what is still queued.
  CHECK(result >= 0 || result == -ETIME || result == -EINTR || result == -EBUSY || result == -EAGAIN ||
        result == -ENOMEM);

  std::size_t count = 0;
  unsigned seen = 0;
  unsigned head = 0;
  io_uring_cqe* cqe = nullptr;
  bool woken = false;
  io_uring_for_each_cqe(&ring_, head, cqe) {
    if (count == completions.size()) break;
    ++seen;
    if (cqe->user_data == kWakeTag) {
      woken = true;
      continue;
    }
    if ((cqe->flags & IORING_CQE_F_BUFFER) != 0) --provided_;
    completions[count++] = {.tag = cqe->user_data,
                            .result = cqe->res,
                            .more = (cqe->flags & IORING_CQE_F_MORE) != 0,
                            .has_buffer = (cqe->flags & IORING_CQE_F_BUFFER) != 0,
                            .buffer = static_cast<std::uint16_t>(cqe->flags >> IORING_CQE_BUFFER_SHIFT)};
  }
  io_uring_cq_advance(&ring_, seen);
  if (woken) listen_for_wake();
  return count;
}

}  // namespace

std::expected<std::unique_ptr<Ring>, std::string> make_real_ring(const RealRingOptions& options) {
  auto ring = std::make_unique<RealRing>();
  if (auto opened = ring->open(options); !opened) return std::unexpected(opened.error());
  return ring;
}

std::string uring_library_version() {
  return std::to_string(io_uring_major_version()) + "." + std::to_string(io_uring_minor_version());
}

}  // namespace sluice::io
