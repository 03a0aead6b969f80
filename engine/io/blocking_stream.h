// A TCP connection for code that may wait: a command of sluicectl, a thread of its own.  Never on a core.  One thread;
// another one may have it given up.
#pragma once

#include <atomic>
#include <cstddef>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "engine/base/time.h"
#include "engine/io/address.h"
#include "engine/io/blocking_wait.h"
#include "engine/io/descriptor.h"

namespace sluice::io {

class BlockingStream {
 public:
  // `given_up` outlives the stream: what waits ends with an error soon after it is true.  Errors are sentences.
  [[nodiscard]] static std::expected<BlockingStream, std::string> connect(const Address& server, Duration timeout,
                                                                          const std::atomic<bool>& given_up);
  // All of them.
  [[nodiscard]] std::expected<void, std::string> write(std::string_view bytes, Duration timeout);
  // Exactly so many; a peer that ends before has failed.
  [[nodiscard]] std::expected<std::string, std::string> read(std::size_t size, Duration timeout);

 private:
  BlockingStream(Descriptor socket, const std::atomic<bool>& given_up)
      : socket_(std::move(socket)), given_up_(&given_up) {}
  [[nodiscard]] std::expected<void, std::string> wait(const BlockingDeadline& deadline, bool to_write) const;
  Descriptor socket_;
  const std::atomic<bool>* given_up_;
};

}  // namespace sluice::io
