// SPDX-License-Identifier: GPL-2.0
/*
 * miscount: puts a node's zone accounting in the state that the deferred-init
 * bug leaves behind: of each chosen node, 'move' pages of managed_pages are
 * booked to the zone after the highest populated one (as the bug's ++zone does:
 * Normal -> Movable; a node that ends in DMA32: DMA32 -> Normal).
 * Accounting only (no page moves); undone on unload.  Watermarks do not change
 * until the kernel recomputes them (write vm.min_free_kbytes /
 * vm.watermark_scale_factor, and vm.lowmem_reserve_ratio for protection[]).
 */
#include <linux/module.h>
#include <linux/mmzone.h>
#include <linux/nodemask.h>
#include <linux/mm.h>

static unsigned long keep = 32768;	/* pages left in the real zone (128 MiB) */
module_param(keep, ulong, 0444);
MODULE_PARM_DESC(keep, "pages left managed in the real zone of each node");
static unsigned long nodes = ~0UL;
module_param(nodes, ulong, 0444);
MODULE_PARM_DESC(nodes, "bit mask of the nodes to change");

static long moved[MAX_NUMNODES];
static int from_zone[MAX_NUMNODES];

static int __init miscount_init(void)
{
	int nid;

	for_each_online_node(nid) {
		pg_data_t *pgdat = NODE_DATA(nid);
		struct zone *to, *from = NULL;
		long n;
		int z;

		if (nid < BITS_PER_LONG && !(nodes & (1UL << nid)))
			continue;
		for (z = 0; z < ZONE_MOVABLE; z++)
			if (pgdat->node_zones[z].present_pages)
				from = &pgdat->node_zones[z], from_zone[nid] = z;
		if (!from)
			continue;
		to = from + 1;	/* the bug's ++zone: Normal -> Movable, DMA32 -> Normal */
		n = (long)atomic_long_read(&from->managed_pages) - (long)keep;
		if (n <= 0)
			continue;
		atomic_long_sub(n, &from->managed_pages);
		atomic_long_add(n, &to->managed_pages);
		moved[nid] = n;
		pr_info("miscount: node %d: %ld pages booked from %s to %s\n",
			nid, n, from->name, to->name);
	}
	return 0;
}

static void __exit miscount_exit(void)
{
	int nid;

	for_each_online_node(nid) {
		pg_data_t *pgdat = NODE_DATA(nid);

		if (!moved[nid])
			continue;
		atomic_long_sub(moved[nid], &pgdat->node_zones[from_zone[nid] + 1].managed_pages);
		atomic_long_add(moved[nid], &pgdat->node_zones[from_zone[nid]].managed_pages);
	}
	pr_info("miscount: undone\n");
}

module_init(miscount_init);
module_exit(miscount_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("test fixture: misbook zone managed_pages");
