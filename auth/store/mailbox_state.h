// What a back end says of a mailbox that has device passwords.  A value.
#pragma once

#include <cstdint>

namespace sluice::auth {

enum class MailboxState : std::uint8_t {
  exists,
  gone,    // the back end has no such name
  untold,  // the back end did not answer, or never tells
};

}  // namespace sluice::auth
