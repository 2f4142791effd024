import sys
print("no summary yet", sys.argv)
