// What we say ourselves of a message that a next hop cannot carry.  For the files of Transmission alone.
#pragma once

#include "engine/smtp/reply.h"

namespace sluice::relay {

inline constexpr smtp::StandardReply kNoSmtputf8{550, {5, 6, 7}, "The next server does not take SMTPUTF8"};
// RFC 6152 3: "must not" send 8-bit content to a server that has not said it takes it.
inline constexpr smtp::StandardReply kNoEightBit{554, {5, 6, 3}, "The next server takes 7-bit content only"};
// RFC 1870 6.1: a client that knows the size "need not" try.
inline constexpr smtp::StandardReply kTooLarge{552, {5, 3, 4}, "The next server takes no message of this size"};

}  // namespace sluice::relay
