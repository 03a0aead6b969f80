// Writes one message into safe keeping, from where it is delivered later and reported on: the part of a message that
// was under way when the next hop did not take it, or all of one that is kept first. Implemented over the spool.
// Owned by a message sink; core thread only.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "engine/base/buffer.h"
#include "engine/base/task.h"
#include "engine/message/delivery.h"
#include "engine/message/envelope.h"

namespace sluice::relay {

// append()* write_out()* commit(). Nothing is kept of a message whose writer goes before commit() has returned.
class MessageWriter {
 public:
  // The error says why not, in words; nothing more may be asked of the writer then.
  using Result = std::expected<void, std::string>;

  MessageWriter() = default;
  virtual ~MessageWriter() = default;
  MessageWriter(const MessageWriter&) = delete;
  MessageWriter& operator=(const MessageWriter&) = delete;

  // The next bytes of the content, in the form that was given when the writer was made. Nothing has to be safe yet.
  virtual Task<Result> append(Chain bytes) = 0;
  // How much of it waits in memory for more, so as to be written together.
  [[nodiscard]] virtual std::size_t in_memory() const = 0;
  // Writes that now.  Nothing has to be safe yet, either.
  virtual Task<Result> write_out() = 0;
  // The message is safe, whatever happens to us. `waiting` recipients are to be delivered to later, `failed` ones
  // reported to the sender unless they say that they are; a relayed one may want a report, too.
  virtual Task<Result> commit(message::DeliveryStatus status) = 0;
};

// Makes the writer of one message. The envelope outlives the writer and does not change any more.
using OpenWriter =
    std::function<std::unique_ptr<MessageWriter>(const message::Envelope& envelope, message::BodyForm form)>;

}  // namespace sluice::relay
