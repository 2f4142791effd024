#!/bin/sh
# Process 1 of the initrd: the disk's driver, then the file system on it.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk veth; do
  [ ! -f "/lib/$module.ko" ] || insmod "/lib/$module.ko"
done
mkdir -p /root
mount -t ext4 /dev/vda /root || poweroff -f
mount --move /dev /root/dev
umount /proc
exec switch_root /root /init
