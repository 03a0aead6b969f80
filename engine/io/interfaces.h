// The addresses of the machine, and how a change of them is noticed.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "engine/io/address.h"

namespace sluice::io {

// The addresses of the machine's interfaces that are up, loopback among them; without ports.  Empty where they cannot
// be had.  A system call or two; any thread.
std::vector<Address> machine_addresses();

// The address that the machine sends from to this one, without a port; empty: there is no way there.  A few system
// calls, and nothing is sent; any thread.
Address source_address(const Address& to);

// A socket on which something arrives whenever an address or an interface of the machine comes, goes or changes
// (rtnetlink(7)).  What arrives says only that machine_addresses() is to be asked again: it is neither complete nor
// looked at.  The caller's; the error is a sentence.
std::expected<int, std::string> open_address_notices();

}  // namespace sluice::io
