// Follows the addresses of the machine while the relay runs: one that it gets later (by an operator, DHCP, a virtual
// address that moves here) is as much its own as those of the start, so that no MX host there is connected to.
// One for the process, on one core's loop; that core's thread only.
#pragma once

#include <functional>

#include "engine/event/dispatcher.h"
#include "engine/io/loop.h"
#include "engine/mx/selection.h"
#include "engine/net/connection.h"

namespace sluice::server {

class AddressWatch {
 public:
  using Changed = std::function<void(mx::MachineAddresses)>;
  // `socket` is of io::open_address_notices(), and owned by run().  `known`: the addresses that the cores have, read
  // after that socket was opened.  `changed` is called on the loop's thread.
  AddressWatch(io::Loop& loop, int socket, event::Emitter& events, mx::MachineAddresses known, Changed changed);

  // Until stop(), or until the core stops.  Once.
  Task<void> run();
  void stop();

 private:
  Task<void> look();

  io::Loop& loop_;
  int socket_;
  event::Emitter& events_;
  mx::MachineAddresses known_;
  Changed changed_;
  net::Connection* notices_ = nullptr;  // while run() waits
  bool stopped_ = false;
};

}  // namespace sluice::server
