// Says of each test whether it had threads, as the property `threads` in gtest's report: these are the tests for the
// thread sanitizer (tests/run.py).  Part of every unit program but those with a sanitizer, which has a pthread_create
// of its own.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <atomic>
#include <filesystem>
#include <iterator>

namespace {

std::atomic<int> started{0};

class ThreadCount final : public ::testing::EmptyTestEventListener {
 public:
  void OnTestEnd(const ::testing::TestInfo& /*test*/) override {
    // One that a whole suite shares was started before, and is there still.
    const auto left = std::distance(std::filesystem::directory_iterator("/proc/self/task"), {}) - 1;
    const int now = started.exchange(0);
    if (now > 0 || left > 0) ::testing::Test::RecordProperty("threads", std::to_string(now + left));
  }
};

[[maybe_unused]] const bool appended = [] {
  ::testing::UnitTest::GetInstance()->listeners().Append(new ThreadCount);  // gtest's from here on
  return true;
}();

}  // namespace

// In place of the C library's for the whole program, the C++ library's std::thread included.
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                              void* argument) noexcept {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(dlsym(RTLD_NEXT, "pthread_create"));
  ++started;
  return create(thread, attributes, run, argument);
}
