"""The walkthrough as a site: the executed notebooks as pages, with demos that play without a kernel (`make site`)."""
